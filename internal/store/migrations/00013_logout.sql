-- +goose Up
-- Whether an application may have an address for logout tokens. What that is,
-- its document says.
ALTER TABLE clients ADD COLUMN backchannel BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE clients SET backchannel = TRUE WHERE doc LIKE '%backchannel_logout_urls%';

-- Applications that have yet to be told of the end of a session.
CREATE TABLE logout_tokens (
	session_id  TEXT NOT NULL,
	client_id   TEXT NOT NULL,
	user_id     TEXT NOT NULL,
	initiator   TEXT NOT NULL,
	attempts    BIGINT NOT NULL,
	next_at     BIGINT NOT NULL,
	lease_until BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	PRIMARY KEY (session_id, client_id)
) /* WITHOUT ROWID */;
CREATE INDEX logout_tokens_due ON logout_tokens (next_at);

-- +goose Down
DROP TABLE logout_tokens;
ALTER TABLE clients DROP COLUMN backchannel;
