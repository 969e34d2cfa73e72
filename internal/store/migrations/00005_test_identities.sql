-- +goose Up
-- Numbers and addresses with a code that does not change.
CREATE TABLE test_identities (
	id            TEXT PRIMARY KEY,
	connection_id TEXT NOT NULL,
	identifier    TEXT NOT NULL,
	channel       TEXT NOT NULL,
	clients       TEXT NOT NULL, -- ids, separated by spaces
	digest        BYTEA NOT NULL, -- of the code, keyed
	digits        BIGINT NOT NULL,
	note          TEXT NOT NULL,
	managed       BOOLEAN NOT NULL, -- written by the configuration file
	created_at    BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL,
	UNIQUE (connection_id, identifier)
);

-- Users that a test identity signs in, and nobody else can.
ALTER TABLE users ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE users DROP COLUMN test;
DROP TABLE test_identities;
