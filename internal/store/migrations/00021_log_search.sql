-- What the search of the log looks through. Events of a known user are found by
-- the index there is; identifier is the number or address in those without one:
-- sign-ins that did not come about.
--
-- The types of daily business have no index: the newest of them are near the end
-- of the log, and each sign-in would pay for it. So a sign-in of somebody who is
-- known writes to no index more than before.

-- +goose Up
ALTER TABLE logs ADD COLUMN identifier TEXT NOT NULL DEFAULT '';
UPDATE logs SET identifier = COALESCE(doc::json ->> 'user_name', '') WHERE user_id = '';
CREATE INDEX logs_by_identifier ON logs (identifier, id) WHERE identifier <> '';
CREATE INDEX logs_by_type ON logs (type, id)
	WHERE type NOT IN ('cs', 'cls', 's', 'ss', 'ssa', 'scoa', 'sepft', 'seacft', 'sertft', 'seccft', 'sede');

-- +goose Down
DROP INDEX logs_by_type;
DROP INDEX logs_by_identifier;
ALTER TABLE logs DROP COLUMN identifier;
