-- roles are the bits of policy.Roles; pin is a key as in package policy, never digits.
ALTER TABLE person ADD COLUMN roles INTEGER NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN pin BLOB CHECK (pin IS NULL OR length(pin) = 16);
