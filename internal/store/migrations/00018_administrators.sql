-- +goose Up
-- Who may use the Dashboard. They are not users.
CREATE TABLE administrators (
	id            TEXT PRIMARY KEY,
	email         TEXT NOT NULL UNIQUE,
	role          TEXT NOT NULL,
	created_at    BIGINT NOT NULL,
	last_login_at BIGINT NOT NULL
);

-- Browsers in which they are signed in.
CREATE TABLE administrator_sessions (
	digest           BYTEA PRIMARY KEY, -- of the cookie's value
	administrator_id TEXT NOT NULL,
	created_at       BIGINT NOT NULL,
	proved_at        BIGINT NOT NULL,
	expires_at       BIGINT NOT NULL
);
CREATE INDEX administrator_sessions_by_administrator ON administrator_sessions (administrator_id);
CREATE INDEX administrator_sessions_by_expiry ON administrator_sessions (expires_at);

-- Codes that were asked for, whether or not there is an administrator with the
-- address. Wrong tries are counted in tries as well, for each address.
CREATE TABLE administrator_codes (
	browser     BYTEA PRIMARY KEY, -- digest of the cookie's value
	email       TEXT NOT NULL,
	digest      BYTEA NOT NULL,
	attempts    BIGINT NOT NULL,
	redeemed_at BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX administrator_codes_by_expiry ON administrator_codes (expires_at);

-- Links that let in whoever can start commands on the server.
CREATE TABLE administrator_links (
	digest     BYTEA PRIMARY KEY, -- of the secret
	email      TEXT NOT NULL, -- empty: whoever uses it says theirs
	role       TEXT NOT NULL,
	first      BOOLEAN NOT NULL, -- good only while there is no administrator
	expires_at BIGINT NOT NULL
);
CREATE INDEX administrator_links_by_expiry ON administrator_links (expires_at);

-- +goose Down
DROP TABLE administrator_links;
DROP TABLE administrator_codes;
DROP TABLE administrator_sessions;
DROP TABLE administrators;
