CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
  id        TEXT PRIMARY KEY,
  name      TEXT NOT NULL,
  company   TEXT NOT NULL,
  extended  INTEGER NOT NULL,
  suspended INTEGER NOT NULL,
  folded    TEXT NOT NULL,  -- what searches look through
  sorting   BLOB NOT NULL   -- collation key of the Latin name
) STRICT;
CREATE INDEX person_sorting ON person (sorting, id);

CREATE TABLE schedule (
  id        TEXT PRIMARY KEY,
  name      TEXT NOT NULL,
  intervals TEXT NOT NULL   -- JSON
) STRICT;

-- AUTOINCREMENT: a number that was given once is never given again.
CREATE TABLE level (
  number   INTEGER PRIMARY KEY AUTOINCREMENT CHECK (number BETWEEN 1 AND 65535),
  id       TEXT NOT NULL UNIQUE,
  building TEXT NOT NULL,
  name     TEXT NOT NULL,
  grants   TEXT NOT NULL    -- JSON
) STRICT;

CREATE TABLE person_level (
  person TEXT NOT NULL REFERENCES person (id),
  level  INTEGER NOT NULL REFERENCES level (number),
  PRIMARY KEY (person, level)
) STRICT, WITHOUT ROWID;

-- Times of validity are Unix seconds, 0 for no limit.
CREATE TABLE badge (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  person     TEXT NOT NULL REFERENCES person (id),
  key        BLOB NOT NULL CHECK (length(key) = 16),
  shard      INTEGER NOT NULL,
  format     TEXT NOT NULL,
  hint       TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after  INTEGER NOT NULL,
  revoked    INTEGER        -- Unix milliseconds
) STRICT;
CREATE INDEX badge_person ON badge (person);
CREATE INDEX badge_shard ON badge (shard, key);
CREATE UNIQUE INDEX badge_in_use ON badge (key) WHERE revoked IS NULL;

CREATE TABLE holiday (
  date TEXT PRIMARY KEY,
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
  seq    INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,  -- Unix milliseconds
  by     TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  before TEXT NOT NULL,     -- JSON
  after  TEXT NOT NULL      -- JSON
) STRICT;

-- What each shard of a building, and the rules of each gateway, were when they were given their version.
CREATE TABLE published (
  unit    TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  hash    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
