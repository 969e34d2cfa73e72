-- What the message log is searched by. Numbers and addresses are random, so that
-- index costs a start most; the others grow at their end, or are written by what
-- nobody waits for. Everything else is found by going back through the ids, which
-- sort by time.
--
-- traced keeps, of a message that the Dashboard has sent, what was said to the
-- provider and what it answered; of those that failed that is kept anyway.

-- +goose Up
ALTER TABLE messages ADD COLUMN traced BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE messages ADD COLUMN exchange TEXT NOT NULL DEFAULT '';
CREATE INDEX messages_by_recipient ON messages (recipient, id);
CREATE INDEX messages_by_provider_id ON messages (provider_id) WHERE provider_id <> '';
CREATE INDEX messages_arrived ON messages (id) WHERE state IN ('delivered', 'used');
CREATE INDEX messages_failed ON messages (id) WHERE state IN ('failed', 'undelivered', 'expired');
CREATE INDEX logs_funnel ON logs (type, id) WHERE type IN ('cs', 'cls', 's');

-- +goose Down
DROP INDEX logs_funnel;
DROP INDEX messages_failed;
DROP INDEX messages_arrived;
DROP INDEX messages_by_provider_id;
DROP INDEX messages_by_recipient;
ALTER TABLE messages DROP COLUMN exchange;
ALTER TABLE messages DROP COLUMN traced;
