-- What the search of users looks through. A beginning is found as a range, and
-- ranges need the order of bytes: SQLite has it anyway, PostgreSQL with COLLATE
-- "C". Lines that end in "-- PostgreSQL" are for PostgreSQL alone (see
-- migrate.go): SQLite finds numbers and addresses by the primary key.
--
-- Most passwordless users have no name but their number or address, which is
-- found as such; so a sign-up writes nothing to the index of names.

-- +goose Up
CREATE INDEX identities_in_bytes ON identities (connection_id, identifier COLLATE "C"); -- PostgreSQL
CREATE INDEX users_by_name ON users (lower(name) COLLATE "C", id) WHERE name <> '' AND name <> phone AND name <> email;
CREATE INDEX users_blocked ON users (created_at, id) WHERE blocked;

-- +goose Down
DROP INDEX users_blocked;
DROP INDEX users_by_name;
DROP INDEX identities_in_bytes; -- PostgreSQL
