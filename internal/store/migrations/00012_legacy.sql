-- +goose Up
-- People who have shown a code to a page of the application, on their way to
-- /authorize. A ticket is deleted when it is used.
CREATE TABLE login_tickets (
	digest        BYTEA PRIMARY KEY,
	browser       BYTEA NOT NULL, -- digest of the cookie's value
	client_id     TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	connection_id TEXT NOT NULL,
	channel       TEXT NOT NULL,
	proved_at     BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX login_tickets_by_expiry ON login_tickets (expires_at);

-- The name of the device that a refresh token of the legacy pipeline is for,
-- and the pipeline: empty for OpenID Connect.
ALTER TABLE grants ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN pipeline TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE grants DROP COLUMN pipeline;
ALTER TABLE grants DROP COLUMN device;
DROP TABLE login_tickets;
