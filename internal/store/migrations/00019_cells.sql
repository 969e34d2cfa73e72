-- +goose Up
-- What is known of the messages to a block of numbers, a country, a connection.
CREATE TABLE cells (
	name          TEXT PRIMARY KEY,
	state         TEXT NOT NULL, -- attack.Cell as JSON; empty before the first message
	touched_at    BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX cells_by_touch ON cells (touched_at);
-- The newest counted message to a number, until its code is used.
CREATE TABLE cell_sends (
	connection_id TEXT NOT NULL,
	identifier    TEXT NOT NULL, -- the counters' key, not the number
	sent_at       BIGINT NOT NULL,
	PRIMARY KEY (connection_id, identifier)
) /* WITHOUT ROWID */;
CREATE INDEX cell_sends_by_time ON cell_sends (sent_at);

-- +goose Down
DROP TABLE cell_sends;
DROP TABLE cells;
