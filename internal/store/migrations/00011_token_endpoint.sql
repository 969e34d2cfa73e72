-- +goose Up
-- Public keys that applications prove themselves by: a JSON array.
ALTER TABLE clients ADD COLUMN credentials TEXT NOT NULL DEFAULT '[]';

-- What was sent of a client grant beside the columns: a JSON object.
ALTER TABLE client_grants ADD COLUMN doc TEXT NOT NULL DEFAULT '{}';

ALTER TABLE tenant_settings ADD COLUMN managed BOOLEAN NOT NULL DEFAULT FALSE;

-- Names that may be used once, until they expire: the ids of client assertions
-- and of DPoP proofs.
CREATE TABLE used_once (
	name       BYTEA PRIMARY KEY, -- keyed digest
	expires_at BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX used_once_by_expiry ON used_once (expires_at);

-- The key a refresh token is bound to (RFC 9449 §5), or empty.
ALTER TABLE refresh_tokens ADD COLUMN jkt TEXT NOT NULL DEFAULT '';

-- Whether a refresh token was given: those are counted for each user and
-- application.
ALTER TABLE grants ADD COLUMN offline BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE grants SET offline = TRUE WHERE EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = grants.id);
CREATE INDEX grants_offline ON grants (user_id, client_id, created_at) WHERE offline AND revoked_at = 0;

CREATE TABLE roles (
	id          TEXT PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	description TEXT NOT NULL,
	created_at  BIGINT NOT NULL
) /* WITHOUT ROWID */;

CREATE TABLE role_permissions (
	role_id    TEXT NOT NULL,
	audience   TEXT NOT NULL,
	permission TEXT NOT NULL,
	PRIMARY KEY (role_id, audience, permission)
) /* WITHOUT ROWID */;
CREATE INDEX role_permissions_by_audience ON role_permissions (audience);

CREATE TABLE user_roles (
	user_id TEXT NOT NULL,
	role_id TEXT NOT NULL,
	PRIMARY KEY (user_id, role_id)
) /* WITHOUT ROWID */;
CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id);

CREATE TABLE user_permissions (
	user_id    TEXT NOT NULL,
	audience   TEXT NOT NULL,
	permission TEXT NOT NULL,
	PRIMARY KEY (user_id, audience, permission)
) /* WITHOUT ROWID */;
CREATE INDEX user_permissions_by_audience ON user_permissions (audience);

-- Devices that wait for somebody to let them in (RFC 8628).
CREATE TABLE device_codes (
	digest       BYTEA PRIMARY KEY, -- of the device code
	user_code    BYTEA NOT NULL UNIQUE, -- keyed digest
	client_id    TEXT NOT NULL,
	audience     TEXT NOT NULL,
	scope        TEXT NOT NULL,
	asked_scope  TEXT NOT NULL,
	state        TEXT NOT NULL,
	step         BIGINT NOT NULL, -- milliseconds between polls
	next_poll_at BIGINT NOT NULL,
	user_id      TEXT NOT NULL,
	sid          TEXT NOT NULL,
	auth_time    BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);

-- Authorization requests that were pushed (RFC 9126).
CREATE TABLE pushed_requests (
	digest     BYTEA PRIMARY KEY,
	client_id  TEXT NOT NULL,
	params     BYTEA NOT NULL, -- sealed
	expires_at BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);

-- +goose Down
DROP TABLE pushed_requests;
DROP TABLE device_codes;
DROP TABLE user_permissions;
DROP TABLE user_roles;
DROP TABLE role_permissions;
DROP TABLE roles;
DROP INDEX grants_offline;
ALTER TABLE grants DROP COLUMN offline;
ALTER TABLE refresh_tokens DROP COLUMN jkt;
DROP TABLE used_once;
ALTER TABLE tenant_settings DROP COLUMN managed;
ALTER TABLE client_grants DROP COLUMN doc;
ALTER TABLE clients DROP COLUMN credentials;
