-- +goose Up
-- Whether the configuration file names the applications of the connection, which
-- are then what it says and nothing else. The next start says so anew.
ALTER TABLE connections ADD COLUMN clients_managed BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE connections DROP COLUMN clients_managed;
