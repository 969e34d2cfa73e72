-- +goose Up
-- What the sweep looks for.
CREATE INDEX grants_of_the_day ON grants (created_at) WHERE NOT offline;
CREATE INDEX grants_revoked ON grants (revoked_at) WHERE revoked_at > 0;
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at) WHERE expires_at > 0;

-- +goose Down
DROP INDEX refresh_tokens_by_expiry;
DROP INDEX grants_revoked;
DROP INDEX grants_of_the_day;
