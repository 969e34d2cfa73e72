-- +goose Up
-- What the claims parameter asked for beside the scopes.
ALTER TABLE grants ADD COLUMN claims TEXT NOT NULL DEFAULT '';

-- Refresh tokens that were replaced long ago are swept.
CREATE INDEX refresh_tokens_replaced ON refresh_tokens (replaced_at) WHERE replaced_at > 0;

-- +goose Down
DROP INDEX refresh_tokens_replaced;
ALTER TABLE grants DROP COLUMN claims;
