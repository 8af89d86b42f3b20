CREATE TABLE user (
  name        TEXT PRIMARY KEY,
  role        TEXT NOT NULL,
  hash        TEXT NOT NULL,      -- PHC string
  must_change INTEGER NOT NULL,
  language    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Times are Unix seconds. Of sessions and tokens only the SHA-256 is kept.
CREATE TABLE session (
  hash    BLOB PRIMARY KEY,
  user    TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
  created INTEGER NOT NULL,
  used    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user);

CREATE TABLE token (
  name    TEXT PRIMARY KEY,
  role    TEXT NOT NULL,
  hash    BLOB NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  used    INTEGER NOT NULL        -- 0: never
) STRICT, WITHOUT ROWID;
