-- One text for both databases: TEXT, BIGINT, BYTEA and BOOLEAN mean what is
-- needed in each. Times are Unix milliseconds; 0 stands for "never".
--
-- /* WITHOUT ROWID */ is a comment to PostgreSQL only (see migrate.go): SQLite
-- keeps such a table in the order of its primary key, which saves a second tree
-- for the key, and so a page to write for each row. Users are left as they are:
-- their metadata can be large, and large rows make a deep tree.

-- +goose Up
CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

-- One row. Grows with every change of a setting, so that other processes know
-- when to read again.
CREATE TABLE settings_version (
	id      BIGINT PRIMARY KEY,
	version BIGINT NOT NULL
);
INSERT INTO settings_version (id, version) VALUES (1, 1);

CREATE TABLE tenant_settings (
	id  BIGINT PRIMARY KEY,
	doc TEXT NOT NULL
);
INSERT INTO tenant_settings (id, doc) VALUES (1, '{}');

CREATE TABLE clients (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	secret     BYTEA NOT NULL, -- sealed
	doc        TEXT NOT NULL,
	managed    BOOLEAN NOT NULL, -- written by the configuration file
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);

CREATE TABLE connections (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL UNIQUE,
	strategy   TEXT NOT NULL,
	secrets    BYTEA NOT NULL, -- sealed JSON object
	doc        TEXT NOT NULL,
	version    BIGINT NOT NULL,
	managed    BOOLEAN NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);

CREATE TABLE connection_clients (
	connection_id TEXT NOT NULL,
	client_id     TEXT NOT NULL,
	PRIMARY KEY (connection_id, client_id)
) /* WITHOUT ROWID */;
CREATE INDEX connection_clients_by_client ON connection_clients (client_id);

CREATE TABLE apis (
	id         TEXT PRIMARY KEY,
	identifier TEXT NOT NULL UNIQUE,
	doc        TEXT NOT NULL,
	managed    BOOLEAN NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);

CREATE TABLE client_grants (
	id        TEXT PRIMARY KEY,
	client_id TEXT NOT NULL,
	audience  TEXT NOT NULL,
	scope     TEXT NOT NULL, -- separated by spaces
	managed   BOOLEAN NOT NULL,
	UNIQUE (client_id, audience)
);

CREATE TABLE signing_keys (
	kid        TEXT PRIMARY KEY,
	alg        TEXT NOT NULL,
	state      TEXT NOT NULL,
	private    BYTEA NOT NULL, -- sealed PKCS #8
	cert       BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	active_at  BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (alg) WHERE state = 'current';
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (alg) WHERE state = 'next';

-- The code last made for each recipient, application and transaction.
CREATE TABLE codes (
	connection_id  TEXT NOT NULL,
	identifier     TEXT NOT NULL,
	client_id      TEXT NOT NULL,
	transaction_id TEXT NOT NULL,
	salt           BYTEA NOT NULL,
	digest         BYTEA NOT NULL,
	digits         BIGINT NOT NULL,
	attempts       BIGINT NOT NULL,
	first_sent_at  BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	redeemed_at    BIGINT NOT NULL,
	PRIMARY KEY (connection_id, identifier, client_id, transaction_id)
) /* WITHOUT ROWID */;

-- Wrong tries for each identifier, over all codes. wrong_at holds the times of
-- the last ten, thirteen digits each, oldest first.
CREATE TABLE tries (
	identifier TEXT PRIMARY KEY, -- keyed digest
	wrong_at   TEXT NOT NULL,
	streak     BIGINT NOT NULL
) /* WITHOUT ROWID */;

-- Sends for each identifier and application, in the same form.
CREATE TABLE sends (
	identifier TEXT NOT NULL, -- keyed digest
	client_id  TEXT NOT NULL,
	sent_at    TEXT NOT NULL,
	cleared_at BIGINT NOT NULL,
	PRIMARY KEY (identifier, client_id)
) /* WITHOUT ROWID */;

-- Request rates: the theoretical arrival time of the next request.
CREATE TABLE rates (
	name TEXT PRIMARY KEY,
	tat  BIGINT NOT NULL
) /* WITHOUT ROWID */;

CREATE TABLE users (
	id             TEXT PRIMARY KEY,
	email          TEXT NOT NULL,
	email_verified BOOLEAN NOT NULL,
	phone          TEXT NOT NULL,
	phone_verified BOOLEAN NOT NULL,
	name           TEXT NOT NULL,
	nickname       TEXT NOT NULL,
	picture        TEXT NOT NULL,
	given_name     TEXT NOT NULL,
	family_name    TEXT NOT NULL,
	blocked        BOOLEAN NOT NULL,
	user_metadata  TEXT NOT NULL,
	app_metadata   TEXT NOT NULL,
	last_ip        TEXT NOT NULL,
	last_login     BIGINT NOT NULL,
	logins_count   BIGINT NOT NULL,
	created_at     BIGINT NOT NULL,
	updated_at     BIGINT NOT NULL
);
CREATE INDEX users_by_creation ON users (created_at, id);
CREATE INDEX users_by_email ON users (email) WHERE email <> '';
CREATE INDEX users_by_phone ON users (phone) WHERE phone <> '';

CREATE TABLE identities (
	connection_id TEXT NOT NULL,
	identifier    TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	channel       TEXT NOT NULL,
	external_id   TEXT NOT NULL, -- the part of the user id after the bar
	PRIMARY KEY (connection_id, identifier)
) /* WITHOUT ROWID */;
CREATE INDEX identities_by_user ON identities (user_id);

-- How many users with an identifier were deleted, so that a recycled number
-- does not inherit an old subject.
CREATE TABLE deleted_users (
	connection_id TEXT NOT NULL,
	identifier    TEXT NOT NULL, -- keyed digest
	times         BIGINT NOT NULL,
	PRIMARY KEY (connection_id, identifier)
) /* WITHOUT ROWID */;

CREATE TABLE grants (
	id         TEXT PRIMARY KEY,
	user_id    TEXT NOT NULL,
	client_id  TEXT NOT NULL,
	sid        TEXT NOT NULL,
	audience   TEXT NOT NULL,
	scope      TEXT NOT NULL,
	auth_time  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX grants_by_user ON grants (user_id);

CREATE TABLE refresh_tokens (
	digest       BYTEA PRIMARY KEY,
	grant_id     TEXT NOT NULL,
	generation   BIGINT NOT NULL,
	rotating     BOOLEAN NOT NULL,
	issued_at    BIGINT NOT NULL,
	last_used_at BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	idle_span    BIGINT NOT NULL,
	idle_ends_at BIGINT NOT NULL,
	replaced_at  BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id);

-- The outbox and the message log are one table.
CREATE TABLE messages (
	id               TEXT PRIMARY KEY, -- sorts by time
	state            TEXT NOT NULL,
	channel          TEXT NOT NULL,
	recipient        TEXT NOT NULL,
	connection_id    TEXT NOT NULL,
	client_id        TEXT NOT NULL,
	user_id          TEXT NOT NULL,
	language         TEXT NOT NULL,
	send             TEXT NOT NULL,
	transaction_id   TEXT NOT NULL,
	salt             BYTEA NOT NULL,
	digits           BIGINT NOT NULL,
	code_expires_at  BIGINT NOT NULL,
	request_ip       TEXT NOT NULL,
	user_agent       TEXT NOT NULL,
	provider         TEXT NOT NULL,
	provider_id      TEXT NOT NULL,
	template_version BIGINT NOT NULL,
	encoding         TEXT NOT NULL,
	segments         BIGINT NOT NULL,
	error_code       TEXT NOT NULL,
	error_text       TEXT NOT NULL,
	attempts         BIGINT NOT NULL,
	next_at          BIGINT NOT NULL,
	lease_until      BIGINT NOT NULL,
	events           TEXT NOT NULL, -- one JSON object a line
	created_at       BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX messages_due ON messages (next_at) WHERE state IN ('requested', 'queued');

CREATE TABLE logs (
	id            TEXT PRIMARY KEY,
	at            BIGINT NOT NULL,
	type          TEXT NOT NULL,
	client_id     TEXT NOT NULL,
	connection_id TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	doc           TEXT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX logs_by_user ON logs (user_id, id) WHERE user_id <> '';

-- +goose Down
DROP TABLE logs;
DROP TABLE messages;
DROP TABLE refresh_tokens;
DROP TABLE grants;
DROP TABLE deleted_users;
DROP TABLE identities;
DROP TABLE users;
DROP TABLE rates;
DROP TABLE sends;
DROP TABLE tries;
DROP TABLE codes;
DROP TABLE signing_keys;
DROP TABLE client_grants;
DROP TABLE apis;
DROP TABLE connection_clients;
DROP TABLE connections;
DROP TABLE clients;
DROP TABLE tenant_settings;
DROP TABLE settings_version;
DROP TABLE meta;
