-- +goose Up
-- One row at most.
CREATE TABLE email_provider (
	id          BIGINT PRIMARY KEY,
	doc         TEXT NOT NULL, -- without its secrets
	credentials BYTEA NOT NULL, -- those: a sealed JSON object
	managed     BOOLEAN NOT NULL
);

-- +goose Down
DROP TABLE email_provider;
