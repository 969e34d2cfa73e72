-- +goose Up
-- Parts of attack protection that somebody has changed.
CREATE TABLE attack_protection (
	part    TEXT PRIMARY KEY,
	doc     TEXT NOT NULL,
	managed BOOLEAN NOT NULL
) /* WITHOUT ROWID */;

-- Browsers that have signed somebody in, with wrong tries of their own in the
-- form of the table tries.
CREATE TABLE devices (
	device     TEXT NOT NULL, -- keyed digest of the token in its cookie
	identifier TEXT NOT NULL, -- keyed digest
	wrong_at   TEXT NOT NULL,
	streak     BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL, -- the last sign-in
	PRIMARY KEY (device, identifier)
) /* WITHOUT ROWID */;
CREATE INDEX devices_by_identifier ON devices (identifier);

-- Wrong tries for each identifier from each address, where the tenant wants
-- them counted so.
CREATE TABLE address_tries (
	identifier TEXT NOT NULL, -- keyed digest
	address    TEXT NOT NULL,
	wrong_at   TEXT NOT NULL,
	PRIMARY KEY (identifier, address)
) /* WITHOUT ROWID */;

-- A spare code was made when the identifier's tries were used up. It is too
-- long to be guessed, and is judged although they are.
ALTER TABLE codes ADD COLUMN spare BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE codes DROP COLUMN spare;
DROP TABLE address_tries;
DROP TABLE devices;
DROP TABLE attack_protection;
