-- +goose Up
-- What a link leads to that the API has asked for: a JSON object, or empty.
ALTER TABLE messages ADD COLUMN auth_params TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE messages DROP COLUMN auth_params;
