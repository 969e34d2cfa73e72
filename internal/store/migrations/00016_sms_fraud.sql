-- +goose Up
-- What is counted by the clock: messages of a connection, numbers of an address.
CREATE TABLE tallies (
	name  TEXT NOT NULL,
	since BIGINT NOT NULL, -- when the hour or day began
	n     BIGINT NOT NULL,
	PRIMARY KEY (name, since)
) /* WITHOUT ROWID */;
CREATE INDEX tallies_by_since ON tallies (since);

-- +goose Down
DROP TABLE tallies;
