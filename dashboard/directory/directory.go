// Package directory is the register of people, badges, access levels, schedules and holidays: one SQLite file. Each
// change is compiled into the policy of the gateways it concerns, signed, and published.
//
// It never keeps the number of a card: only its key under the site key, a hint, and a random pseudonym, which is what
// stands in events. It never decides at a door, and never hears a gateway.
//
// Concurrency: a Directory may be used by any number of goroutines, and its file by several processes. Changes queue for
// one writer; readers never wait for it. A change is on the disk, with its line in the record of changes, before the
// call returns. One goroutine, Serve, publishes; a change wakes it. What waits for it is at most one mark for each shard
// of a building and for each gateway's rules, whatever happens: when the broker is away, a newer change takes the place
// of the older.
package directory

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"kapija/dashboard/directory/dbfile"
	"kapija/internal/policy"
	"kapija/internal/site"
)

//go:embed migrations
var migrations embed.FS

// Directory is the open register.
type Directory struct {
	file  *dbfile.File
	shard *sql.Stmt // selectShard
	path  string
	key   policy.SiteKey
	site  *site.District
	sort  sorter

	mu    sync.Mutex
	dirty touched       // since Serve last looked
	wake  chan struct{} // one slot
}

// touched is what a change may have changed in the policy.
type touched struct {
	shards [256]bool // of every building
	rules  bool      // of every gateway
}

// Open opens or creates the register at path. The site key must be the one with which it was made: with another, no
// badge in it would open anything.
func Open(path string, key policy.SiteKey, d *site.District) (*Directory, error) {
	file, err := dbfile.Open(path, migrations)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if err := checkKey(file, key); err != nil {
		return nil, errors.Join(fmt.Errorf("directory: %s: %w", path, err), file.Close())
	}
	shard, err := file.Read.Prepare(selectShard)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("directory: %s: %w", path, err), file.Close())
	}
	return &Directory{file: file, shard: shard, path: path, key: key, site: d, sort: newSorter(), wake: make(chan struct{}, 1)}, nil
}

func checkKey(file *dbfile.File, key policy.SiteKey) error {
	proof := key.Card("directory", nil, 0)
	return file.Change(context.Background(), func(tx *sql.Tx) error {
		var known []byte
		err := tx.QueryRow("SELECT value FROM meta WHERE name = 'site key'").Scan(&known)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			_, err = tx.Exec("INSERT INTO meta VALUES ('site key', ?)", proof[:])
		case err == nil && !bytes.Equal(known, proof[:]):
			err = errors.New("it was made with another site key: put the site key of this installation back from a backup")
		}
		return err
	})
}

// Close closes the register. Serve must have returned.
func (d *Directory) Close() error {
	if err := d.file.Close(); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// Import makes many changes in one transaction: all of them when fn returns nil, none otherwise. by is who makes them.
func (d *Directory) Import(ctx context.Context, by string, fn func(*Tx) error) error {
	if err := checkText("the name of who makes the change", by, 1, 200); err != nil {
		return err
	}
	var done touched
	err := d.file.Change(ctx, func(tx *sql.Tx) error {
		t := &Tx{d: d, ctx: ctx, tx: tx, by: by, now: time.Now(), stmts: map[string]*sql.Stmt{}}
		if err := errors.Join(fn(t), t.broken); err != nil {
			return err
		}
		done = t.touched
		return nil
	})
	if err != nil {
		if _, ok := errors.AsType[*problem](err); ok {
			return err
		}
		return fmt.Errorf("directory: nothing was changed: %w", err)
	}
	d.mark(done)
	return nil
}

// mark tells Serve what a committed change may have changed.
func (d *Directory) mark(t touched) {
	d.mu.Lock()
	for i, is := range t.shards {
		d.dirty.shards[i] = d.dirty.shards[i] || is
	}
	d.dirty.rules = d.dirty.rules || t.rules
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Changes lists the newest changes, newest first; at most 1,000.
func (d *Directory) Changes(ctx context.Context, limit int) ([]Change, error) {
	rows, err := d.file.Read.QueryContext(ctx,
		"SELECT seq, at, by, action, object, before, after FROM change ORDER BY seq DESC LIMIT ?", min(max(limit, 0), 1000))
	if err != nil {
		return nil, fmt.Errorf("directory: changes: %w", err)
	}
	defer rows.Close()
	var list []Change
	for rows.Next() {
		var c Change
		var at int64
		var before, after string
		if err := rows.Scan(&c.Seq, &at, &c.By, &c.Action, &c.Object, &before, &after); err != nil {
			return nil, fmt.Errorf("directory: changes: %w", err)
		}
		c.At, c.Before, c.After = time.UnixMilli(at).UTC(), json.RawMessage(before), json.RawMessage(after)
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("directory: changes: %w", err)
	}
	return list, nil
}
