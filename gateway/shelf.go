package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"kapija/gateway/journal"
)

// shelf holds the journals that are open.
type shelf []struct {
	name string
	*journal.Journal
}

// journal opens one. What it finds damaged, and what it loses later, goes to the mailbox.
func (s *shelf) journal(c Config, name string, o journal.Options, mail *mailbox) (*journal.Journal, error) {
	o.OnDropped, o.OnTrouble, o.Log = mail.dropped(name), trouble(c.Log, name), c.Log
	j, damage, err := journal.Open(filepath.Join(c.Dir, name), o)
	if err != nil {
		return nil, fmt.Errorf("gateway: %s journal: %w", name, err)
	}
	mail.report(name, damage)
	*s = append(*s, struct {
		name string
		*journal.Journal
	}{name, j})
	return j, nil
}

// close closes them all at once, and waits no longer than journalTime for a disk that hangs.
func (s shelf) close() error {
	closed := make(chan error, len(s))
	for _, j := range s {
		go func() { closed <- j.Close() }()
	}
	late := time.After(journalTime)
	var errs []error
	for range s {
		select {
		case err := <-closed:
			errs = append(errs, err)
		case <-late:
			return errors.Join(append(errs, errors.New("gateway: the journals were not closed in time: their disk does not answer"))...)
		}
	}
	return errors.Join(errs...)
}

// dropped is a journal's OnDropped.
func (m *mailbox) dropped(name string) func(from, to uint64, cause error) {
	return func(from, to uint64, cause error) { m.lose(loss{name, from, to, cause.Error()}) }
}

// report tells what a journal found damaged when it was opened.
func (m *mailbox) report(name string, r journal.Report) {
	for _, g := range r.Lost {
		m.lose(loss{name, g.From, g.To, g.Cause})
	}
}

func trouble(log *slog.Logger, name string) func(error) {
	return func(err error) {
		if err == nil {
			log.Info("the journal can be written again", "journal", name)
			return
		}
		log.Error("the journal cannot be written; the doors go on", "journal", name, "error", err)
	}
}

// newest is the time of the newest record that can be read. After a power cut the last numbers were never used, so that
// it has to look further and further back.
func newest(journals ...*journal.Journal) (at time.Time) {
	for _, j := range journals {
		last := j.Last()
		for back := uint64(16); at.IsZero() && last > 0 && back < 1<<20; back *= 16 {
			from := max(last, back) - back + 1
			for {
				records, first, err := j.Read(from, 64)
				if err != nil || len(records) == 0 {
					break
				}
				from = first + uint64(len(records))
				for _, r := range records {
					var when struct{ At time.Time }
					if json.Unmarshal(r, &when) == nil && when.At.After(at) {
						at = when.At
					}
				}
			}
		}
	}
	return at
}
