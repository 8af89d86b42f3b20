// Package dbfile opens one SQLite file in the way that the registers of the dashboard need it: write-ahead log, foreign
// keys, every commit on the disk before it counts (synchronous=FULL), one connection that writes and a few that read.
// Its schema grows by numbered steps; those that are missing are made in one transaction.
//
// It knows nothing of what the file holds.
//
// Concurrency: a File may be used by any number of goroutines, and the file by several processes at once. Writers queue,
// in this process for the one connection and among processes for BusyTimeout; readers never wait for a writer. A commit
// survives kill -9 and a power cut; a transaction that was not committed leaves no trace.
package dbfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

// BusyTimeout is how long a writer waits for another process.
const BusyTimeout = 5 * time.Second

const readers = 4

// File is an open file.
type File struct {
	Write *sql.DB // one connection; its transactions take the write lock when they begin
	Read  *sql.DB // several connections that cannot write
}

// Open opens or creates the file, readable by its owner only, and brings its schema up to date. Steps are migrations/*.sql of
// steps, in the order of their names: the first makes version 1. A file that a newer program wrote is refused.
func Open(path string, steps fs.FS) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("dbfile: %s: %w", path, err)
	}
	f, err := os.OpenFile(abs, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("dbfile: %s cannot be opened for writing; its folder must exist and belong to this user: %w", abs, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("dbfile: %s: %w", abs, err)
	}
	write, err := sql.Open("sqlite", source(abs, "journal_mode(WAL)")+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("dbfile: %s: %w", abs, err)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(write, steps); err != nil {
		return nil, errors.Join(fmt.Errorf("dbfile: %s: %w", abs, err), write.Close())
	}
	read, err := sql.Open("sqlite", source(abs, "query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dbfile: %s: %w", abs, err), write.Close())
	}
	read.SetMaxOpenConns(max(readers, runtime.GOMAXPROCS(0)))
	read.SetMaxIdleConns(readers)
	return &File{Write: write, Read: read}, nil
}

func source(path, pragma string) string {
	return fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_pragma=%s&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)",
		(&url.URL{Path: path}).EscapedPath(), BusyTimeout.Milliseconds(), pragma)
}

// Close closes all connections; the last one of all processes tidies the log away.
func (f *File) Close() error { return errors.Join(f.Read.Close(), f.Write.Close()) }

// Change runs fn in one transaction. It is committed when fn returns nil, and leaves no trace otherwise.
func (f *File) Change(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := f.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// migrate brings the schema up to date in one transaction, so that two processes that start at once do it once.
func migrate(db *sql.DB, steps fs.FS) error {
	names, err := fs.Glob(steps, "migrations/*.sql")
	if err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("its schema has version %d, and this program knows %d: start the newer program that wrote it", version, len(names))
	}
	for i, name := range names[version:] {
		step, err := fs.ReadFile(steps, name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(string(step)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version+i+1)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return tx.Commit()
}
