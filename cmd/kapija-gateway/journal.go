package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kapija/gateway"
	"kapija/gateway/journal"
	"kapija/internal/event"
)

type journalCmd struct {
	Count  countCmd  `cmd:"" help:"How many records there are, from which to which number, and what is damaged."`
	Tail   tailCmd   `cmd:"" help:"The last records, one JSON line each, as they are sent."`
	Verify verifyCmd `cmd:"" help:"As count, and check that the numbers and the hash chain hold; an error when they do not."`
}

// folder is the data folder of a gateway that is stopped, or a copy of one. Its journals are only looked at: nothing in it
// is changed, and it may be mounted read-only.
type folder struct {
	Data string `help:"The gateway's data folder." required:"" env:"KAPIJA_DATA" placeholder:"DIR"`
}

// summary is what a journal holds.
type summary struct {
	Journal string          `json:"journal"`
	Count   uint64          `json:"count"`
	First   uint64          `json:"first"` // 0 when it is empty
	Last    uint64          `json:"last"`
	Acked   uint64          `json:"acked"` // the server is known to hold all up to here
	Damaged []journal.Range `json:"damaged,omitempty"`
	Broken  []uint64        `json:"broken,omitempty"`    // records that do not follow the one before; at most maxBroken
	Behind  int64           `json:"behind,omitempty"`    // bytes behind the last record that are none
	Cursor  bool            `json:"no_cursor,omitempty"` // what was acknowledged, and what the last number was, is not known
}

const (
	maxBroken = 100
	chunk     = 500 // records that are read at once
)

// open opens one journal of the folder, which must exist, to look only. s is told what is damaged.
func (f folder) open(name string, s *summary) (*journal.Journal, error) {
	dir := filepath.Join(f.Data, name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: expected the data folder of a gateway that has run; name it with --data", dir)
	}
	j, report, err := journal.Open(dir, journal.Options{ReadOnly: true, OnDropped: func(from, to uint64, cause error) {
		s.Damaged = append(s.Damaged, journal.Range{From: from, To: to, Cause: cause.Error()})
	}})
	if err != nil {
		return nil, err
	}
	s.Damaged, s.Behind, s.Cursor = append(s.Damaged, report.Lost...), report.Torn, report.Cursor
	return j, nil
}

// look reads a whole journal and gives each record to see.
func (f folder) look(name string, see func(seq uint64, raw []byte)) (s summary, err error) {
	s.Journal = name
	j, err := f.open(name, &s)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	s.Acked = j.Acked()
	for from := uint64(1); ; {
		records, first, err := j.Read(from, chunk)
		if err != nil || len(records) == 0 {
			return s, err
		}
		if s.First == 0 {
			s.First = first
		}
		for i, raw := range records {
			see(first+uint64(i), raw)
		}
		s.Count += uint64(len(records))
		s.Last = first + uint64(len(records)) - 1
		from = s.Last + 1
	}
}

func (s summary) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(s)
	}
	_, err := fmt.Fprintf(out, "%s: %d records, %d to %d, acknowledged up to %d\n", s.Journal, s.Count, s.First, s.Last, s.Acked)
	for _, r := range s.Damaged {
		fmt.Fprintf(out, "%s: %d to %d are lost: %s\n", s.Journal, r.From, r.To, r.Cause)
	}
	for _, seq := range s.Broken {
		fmt.Fprintf(out, "%s: %d does not follow the record before it\n", s.Journal, seq)
	}
	if s.Behind > 0 {
		fmt.Fprintf(out, "%s: %d bytes behind the last record are damage or an unfinished record\n", s.Journal, s.Behind)
	}
	if s.Cursor {
		fmt.Fprintf(out, "%s: the cursor file is missing or damaged: nothing says what the last number was\n", s.Journal)
	}
	return err
}

type countCmd struct {
	folder
	JSON bool `help:"Print JSON lines." name:"json"`
}

func (c *countCmd) Run(out io.Writer) error {
	for _, name := range []string{gateway.AuditDir, gateway.TelemetryDir} {
		s, err := c.look(name, func(uint64, []byte) {})
		if err != nil {
			return err
		}
		if err := s.print(out, c.JSON); err != nil {
			return err
		}
	}
	return nil
}

type verifyCmd countCmd

func (c *verifyCmd) Run(out io.Writer) error {
	var bad error
	for _, name := range []string{gateway.AuditDir, gateway.TelemetryDir} {
		k := chain{telemetry: name == gateway.TelemetryDir}
		s, err := c.look(name, k.see)
		if err != nil {
			return err
		}
		s.Broken = k.broken
		if len(s.Damaged)+len(s.Broken) > 0 || s.Cursor {
			bad = fmt.Errorf("%s: the journal is not whole; what is lost or does not follow is listed above", c.Data)
		}
		if err := s.print(out, c.JSON); err != nil {
			return err
		}
	}
	return bad
}

// chain checks that records follow each other.
type chain struct {
	telemetry bool // readings carry no hash
	last      uint64
	hash      string
	broken    []uint64
}

func (k *chain) see(seq uint64, raw []byte) {
	var r struct {
		Seq  uint64 `json:"seq"`
		Prev string `json:"prev"` // every audit event but the first has one, whatever is missing before it
	}
	ok := json.Unmarshal(raw, &r) == nil && r.Seq == seq
	if ok && !k.telemetry {
		ok = (r.Prev == "") == (seq == 1) && (k.last == 0 || k.last != seq-1 || r.Prev == k.hash)
	}
	if !ok && len(k.broken) < maxBroken {
		k.broken = append(k.broken, seq)
	}
	k.last, k.hash = seq, event.Hash(raw)
}

type tailCmd struct {
	folder
	N         int  `help:"How many." short:"n" default:"20"`
	Telemetry bool `help:"Readings instead of audit events."`
}

func (c *tailCmd) Run(out io.Writer) (err error) {
	name := gateway.AuditDir
	if c.Telemetry {
		name = gateway.TelemetryDir
	}
	j, err := c.open(name, &summary{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	n := uint64(max(c.N, 0))
	for from := max(j.Last(), n) - n + 1; ; {
		records, first, err := j.Read(from, chunk)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, raw := range records {
			if _, err := fmt.Fprintf(out, "%s\n", raw); err != nil {
				return err
			}
		}
		from = first + uint64(len(records))
	}
}
