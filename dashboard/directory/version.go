package directory

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Versions. A gateway refuses a shard whose version is not greater than the one it has, so that a broker cannot replay an
// old one. A unit gets a new version exactly when its contents differ from those that got the last one; version and hash
// are on the disk before it is published. A version is the greatest of the last one given plus one and the Unix time in
// milliseconds, so that it grows even when the register comes from an older backup.
//
// Such a register remembers versions for contents that gateways have newer ones of. It is recognised by the file beside
// it, which holds the last version given: when the two do not agree, every unit gets a new version. When that file too
// comes from the backup, it must be removed before the server is started.

// MarkSuffix is added to the register's path for the file that holds the last version given.
const MarkSuffix = ".version"

// given is what a unit was when it got its version.
type given struct {
	version uint64
	hash    [sha256.Size]byte
}

// versions are those of all units. It belongs to Serve.
type versions struct {
	d     *Directory
	last  uint64
	known map[string]given
}

// loadVersions reads what was given, and forgets it when register and mark do not agree.
func (d *Directory) loadVersions(ctx context.Context) (*versions, error) {
	v := &versions{d: d, known: map[string]given{}}
	err := d.file.Change(ctx, func(tx *sql.Tx) error {
		var text string
		err := tx.QueryRowContext(ctx, "SELECT CAST(value AS TEXT) FROM meta WHERE name = 'revision'").Scan(&text)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		v.last, _ = strconv.ParseUint(text, 10, 64)
		if mark := d.readMark(); mark != v.last {
			v.last = max(v.last, mark)
			_, err := tx.ExecContext(ctx, "DELETE FROM published")
			return err
		}
		return v.read(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("directory: versions: %w", err)
	}
	return v, nil
}

func (v *versions) read(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT unit, version, hash FROM published")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var g given
		var hash []byte
		if err := rows.Scan(&name, &g.version, &hash); err != nil {
			return err
		}
		copy(g.hash[:], hash)
		v.known[name] = g
	}
	return rows.Err()
}

// give gives one new version to all units of fresh, by name.
func (v *versions) give(ctx context.Context, fresh map[string][sha256.Size]byte) error {
	if len(fresh) == 0 {
		return nil
	}
	next := max(v.last+1, uint64(max(time.Now().UnixMilli(), 0)))
	if err := v.d.writeMark(next); err != nil {
		return fmt.Errorf("directory: versions: %w", err)
	}
	v.last = next
	err := v.d.file.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO meta VALUES ('revision', CAST(? AS BLOB))", strconv.FormatUint(next, 10)); err != nil {
			return err
		}
		for name, hash := range fresh {
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO published VALUES (?, ?, ?)", name, int64(next), hash[:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("directory: versions: %w", err)
	}
	for name, hash := range fresh {
		v.known[name] = given{next, hash}
	}
	return nil
}

func (d *Directory) readMark() uint64 {
	text, err := os.ReadFile(d.path + MarkSuffix)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// writeMark writes a file that is the old one or the new one whenever the power is cut.
func (d *Directory) writeMark(version uint64) error {
	path := d.path + MarkSuffix
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, version)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
