-- +goose Up
-- Browsers in which people are signed in. The id is the "sid" of ID tokens.
CREATE TABLE sessions (
	id            TEXT PRIMARY KEY,
	digest        BYTEA NOT NULL UNIQUE, -- of the cookie's value
	user_id       TEXT NOT NULL,
	connection_id TEXT NOT NULL,
	channel       TEXT NOT NULL,
	auth_time     BIGINT NOT NULL,
	created_at    BIGINT NOT NULL,
	updated_at    BIGINT NOT NULL,
	last_used_at  BIGINT NOT NULL,
	idle_span     BIGINT NOT NULL,
	idle_ends_at  BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL,
	ended_at      BIGINT NOT NULL,
	persistent    BOOLEAN NOT NULL,
	first_ip      TEXT NOT NULL,
	first_agent   TEXT NOT NULL,
	last_ip       TEXT NOT NULL,
	last_agent    TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The applications that got tokens by a session.
CREATE TABLE session_clients (
	session_id TEXT NOT NULL,
	client_id  TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (session_id, client_id)
);

-- Pending sign-ins.
CREATE TABLE transactions (
	id            TEXT PRIMARY KEY,
	browser       BYTEA NOT NULL, -- digest of the cookie's value
	client_id     TEXT NOT NULL,
	request       TEXT NOT NULL, -- JSON
	step          TEXT NOT NULL,
	connection_id TEXT NOT NULL,
	channel       TEXT NOT NULL,
	identifier    TEXT NOT NULL,
	digits        BIGINT NOT NULL, -- of the code that was asked for
	session_id    TEXT NOT NULL,
	created_at    BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL
);
CREATE INDEX transactions_by_expiry ON transactions (expires_at);

CREATE TABLE authorization_codes (
	digest         BYTEA PRIMARY KEY,
	grant_id       TEXT NOT NULL,
	client_id      TEXT NOT NULL,
	redirect_uri   TEXT NOT NULL,
	redirect_given BOOLEAN NOT NULL,
	challenge      TEXT NOT NULL,
	asked_scope    TEXT NOT NULL,
	nonce          TEXT NOT NULL,
	acr            TEXT NOT NULL,
	device         TEXT NOT NULL,
	dpop_jkt       TEXT NOT NULL,
	legacy         BOOLEAN NOT NULL,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	redeemed_at    BIGINT NOT NULL
);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);

-- What people have allowed applications.
CREATE TABLE consents (
	user_id    TEXT NOT NULL,
	client_id  TEXT NOT NULL,
	audience   TEXT NOT NULL,
	scope      TEXT NOT NULL, -- separated by spaces
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, client_id, audience)
);

-- +goose Down
DROP TABLE consents;
DROP TABLE authorization_codes;
DROP TABLE transactions;
DROP TABLE session_clients;
DROP TABLE sessions;
