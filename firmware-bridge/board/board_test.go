//go:build linux

package board

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

func TestOpenSaysWhatThereIs(t *testing.T) {
	_, err := Open(&site.Wiring{Chip: "no such chip"})
	if err == nil {
		t.Fatal("no error, expected one")
	}
	for _, want := range []string{`"no such chip"`, "found ", "set chip in the wiring file", "pinctrl-rp1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: expected %q in it", err, want)
		}
	}
}

func TestOffset(t *testing.T) {
	c := &chip{label: "x", lines: []string{"", "A", "B", "A", ""}}
	if o, err := c.offset("B"); err != nil || o != 2 {
		t.Errorf("found %d and the error %v, expected 2", o, err)
	}
	for name, want := range map[string]string{"A": "twice", "C": "found A, B, A", "": "no line"} {
		if _, err := c.offset(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: found %v, expected an error with %q", name, err, want)
		}
	}
}

func TestEdgeIsDecodedAsTheKernelLaysItOut(t *testing.T) {
	b := make([]byte, eventSize)
	order := binary.NativeEndian
	order.PutUint64(b, 123456789)
	order.PutUint32(b[8:], 1)  // rising
	order.PutUint32(b[12:], 9) // offset
	order.PutUint32(b[16:], 77)
	order.PutUint32(b[20:], 7)
	e := &edges{offsets: []uint32{4, 9}}
	if got, want := e.edge(b), (bridge.Edge{At: 123456789, Line: 1, Rising: true, Seq: 77, LineSeq: 7}); got != want {
		t.Errorf("found %+v, expected %+v", got, want)
	}
}

// stuck is a line that does not do what it is told.
type stuck struct {
	on  bool
	err error
}

func (s *stuck) Set(bool) error     { return s.err }
func (s *stuck) Get() (bool, error) { return s.on, s.err }
func (s *stuck) Close() error       { return nil }

func TestL26OutputsAreReadBack(t *testing.T) {
	for _, on := range []bool{true, false} {
		o := &output{name: "GPIO5", line: &stuck{on: !on}}
		if err := o.Set(on); err == nil || !strings.Contains(err.Error(), "reads back") {
			t.Errorf("set %v: found %v, expected an error", on, err)
		}
		if got, err := o.Level(); err != nil || got != !on {
			t.Errorf("found %v and %v, expected what is read back", got, err)
		}
		o.line = &stuck{on: on}
		if err := o.Set(on); err != nil {
			t.Error(err)
		}
	}
	cause := errors.New("no such device")
	o := &output{name: "GPIO5", line: &stuck{err: cause}}
	if err := o.Set(true); !errors.Is(err, cause) {
		t.Errorf("found %v, expected %v", err, cause)
	}
	if _, err := o.Level(); !errors.Is(err, cause) {
		t.Errorf("found %v, expected %v", err, cause)
	}
}

func TestList(t *testing.T) {
	if got := list(nil); got != "none" {
		t.Errorf("found %q", got)
	}
	if got := list(make([]string, 70)); !strings.HasSuffix(got, " and 10 more") {
		t.Errorf("found %q", got)
	}
}
