-- +goose Up
-- What the claims parameter asked for beside the scopes.
ALTER TABLE grants ADD COLUMN claims TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE grants DROP COLUMN claims;
