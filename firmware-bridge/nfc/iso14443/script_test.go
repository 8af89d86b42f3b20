package iso14443

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

// step is one frame that is expected and what comes back; bytes are in hex, without the CRC when it is crc.
type step struct {
	tx, rx string
	crc    bool
	bits   int
	err    error
	wait   time.Duration // when it matters
}

// script is a Link that plays steps and fails on anything else.
type script struct {
	*testing.T
	steps []step
}

func (s *script) Frame(_ context.Context, tx []byte, bits int, timeout time.Duration) ([]byte, error) {
	s.Helper()
	if len(s.steps) == 0 {
		s.Fatalf("frame % x, expected none", tx)
	}
	st := s.steps[0]
	s.steps = s.steps[1:]
	if want := st.bytes(s.T, st.tx); !bytes.Equal(tx, want) || bits != st.bits {
		s.Fatalf("frame % x with %d bits, expected % x with %d", tx, bits, want, st.bits)
	}
	if st.wait != 0 && timeout != st.wait {
		s.Errorf("frame % x waits %v, expected %v", tx, timeout, st.wait)
	}
	if st.err != nil {
		return nil, st.err
	}
	return st.bytes(s.T, st.rx), nil
}

func (st step) bytes(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	if st.crc {
		crc := CRC(b)
		b = append(b, byte(crc), byte(crc>>8))
	}
	return b
}

// play runs a script, which has to be used up.
func play(t *testing.T, steps []step, use func(l Link)) {
	t.Helper()
	s := &script{t, steps}
	use(s)
	if len(s.steps) > 0 {
		t.Errorf("%d frames were not sent, the next is %s", len(s.steps), s.steps[0].tx)
	}
}

var errChip = errors.New("mfrc522: broken")

func TestCRC(t *testing.T) {
	for text, want := range map[string]uint16{"0000": 0x1EA0, "1234": 0xCF26, "5000": 0xCD57, "": 0x6363} { // annex B, and HLTA as on the air
		b, _ := hex.DecodeString(text)
		if got := CRC(b); got != want {
			t.Errorf("CRC of %s is %04x, expected %04x", text, got, want)
		}
	}
}
