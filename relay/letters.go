package relay

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	lettersSize  = 8 << 20  // bytes of the file before it is put aside
	lettersFiles = 4        // older files that are kept
	lettersLast  = 1024     // letters remembered, so that one that comes again and again is written once
	lettersBody  = 64 << 10 // bytes of a payload that are kept
)

// The causes of dead letters: a label of their counter, and the start of what the file says.
const (
	causeMalformed = "malformed"
	causeUnknown   = "unknown"   // a building, gateway, door, sensor or zone that the configuration does not have
	causeOversized = "oversized" //
	causeRefused   = "refused"   // by InfluxDB
)

// letter is one line of the file.
type letter struct {
	Time    time.Time `json:"time"`
	Topic   string    `json:"topic"`
	Cause   string    `json:"cause"`
	Why     string    `json:"why"`
	Size    int       `json:"size"`    // of the whole payload, bytes
	Payload string    `json:"payload"` // base64; the first 64 KiB
}

// letters is the dead-letter file.
type letters struct {
	path  string
	limit int64
	f     *os.File
	size  int64
	seen  map[[32]byte]bool
}

func openLetters(path string) (*letters, error) {
	if path == "" {
		return nil, errors.New("relay: the dead-letter file has no name: what cannot be written to InfluxDB must go somewhere")
	}
	l := &letters{path: path, limit: lettersSize, seen: map[[32]byte]bool{}}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("relay: the dead-letter file %s cannot be written: choose a writable place: %w", path, err)
	}
	return l, nil
}

func (l *letters) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	l.f, l.size = f, st.Size()
	return nil
}

// put writes one letter to the disk, synced. One that was written before is not written again.
func (l *letters) put(now time.Time, topic, cause, why string, payload []byte) error {
	id := sha256.Sum256(append([]byte(topic+"\x00"+cause+"\x00"), payload...))
	if l.seen[id] {
		return nil
	}
	line, err := json.Marshal(letter{
		Time: now.UTC(), Topic: topic, Cause: cause, Why: why, Size: len(payload),
		Payload: base64.StdEncoding.EncodeToString(payload[:min(len(payload), lettersBody)]),
	})
	if err != nil {
		return err
	}
	if l.size > 0 && l.size+int64(len(line)) > l.limit {
		l.rotate()
	}
	if l.f == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	n, err := l.f.Write(append(line, '\n'))
	l.size += int64(n)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		l.close() // opened again next time: the disk may be well by then
		return err
	}
	if len(l.seen) >= lettersLast {
		clear(l.seen)
	}
	l.seen[id] = true
	return nil
}

func (l *letters) rotate() {
	l.close()
	for i := lettersFiles; i > 1; i-- {
		_ = os.Rename(fmt.Sprintf("%s.%d", l.path, i-1), fmt.Sprintf("%s.%d", l.path, i))
	}
	_ = os.Rename(l.path, l.path+".1")
}

func (l *letters) close() {
	if l.f != nil {
		_ = l.f.Close()
		l.f, l.size = nil, 0
	}
}
