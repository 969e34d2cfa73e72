-- +goose Up
-- When another code may be asked for in a sign-in, for the page that counts down to
-- it. Zero: at once.
ALTER TABLE transactions ADD COLUMN resend_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE transactions DROP COLUMN resend_at;
