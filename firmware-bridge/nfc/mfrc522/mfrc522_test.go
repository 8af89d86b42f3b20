package mfrc522

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/conntest"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spitest"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakechip"
	"kapija/firmware-bridge/nfc/iso14443"
)

// write is the transaction that writes bytes to an address, which is twice the register (section 8.1.2.3).
func write(address byte, values ...byte) conntest.IO {
	return conntest.IO{W: append([]byte{address}, values...)}
}

// read is the transaction that reads addresses, given with the bit for reading.
func read(addresses []byte, values ...byte) conntest.IO {
	return conntest.IO{W: append(addresses, 0x00), R: append([]byte{0x00}, values...)}
}

// frame is the transactions of one frame: what goes into the FIFO, the ticks of the timer, the bits of the last byte, and
// the last look.
func frame(tx []byte, ticks, bits byte, looks ...[]byte) []conntest.IO {
	ops := []conntest.IO{write(0x02, 0x00), write(0x08, 0x7F), write(0x14, 0x80), write(0x12, tx...),
		write(0x58, 0x00), write(0x5A, ticks), write(0x1A, bits), write(0x02, 0x0C), write(0x1A, 0x80|bits)}
	for _, look := range looks {
		ops = append(ops, read([]byte{0x88, 0x8C, 0x94, 0x98}, look...))
	}
	return ops
}

// fifo fetches what was received.
func fifo(rx ...byte) conntest.IO { return read(bytes.Repeat([]byte{0x92}, len(rx)), rx...) }

var (
	running = []byte{0x44, 0x00, 0x00, 0x10}
	timeout = []byte{0x45, 0x00, 0x00, 0x10}

	setUp = []conntest.IO{
		write(0x02, 0x0F), read([]byte{0x82}, 0x30), read([]byte{0x82}, 0x20), read([]byte{0xEE}, 0x92),
		write(0x54, 0x8D), write(0x56, 0x3E), write(0x2A, 0x40), write(0x28, 0x83), readBack}
	readBack = read([]byte{0xEE, 0xD4, 0xD6, 0xAA, 0xA8}, 0x92, 0x8D, 0x3E, 0x40, 0x83)
)

func received(n byte) []byte { return []byte{0x64, 0x00, n, 0x10} }

// playback runs use on a chip that answers as recorded, and fails on leftovers.
func playback(t *testing.T, ops []conntest.IO, use func(t *testing.T, d *Dev)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		port := &spitest.Playback{Playback: conntest.Playback{Ops: ops, DontPanic: true}}
		d, err := New(port, nil)
		if err != nil {
			t.Fatal(err)
		}
		use(t, d)
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	})
}

func join(parts ...[]conntest.IO) (all []conntest.IO) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// The smoke sequence: reset, a look at an empty field, a card that takes no APDUs, its release, and the watchdog.
func TestPlayback(t *testing.T) {
	ops := join(setUp,
		frame([]byte{0x52}, 3, 7, running, running, timeout),
		frame([]byte{0x52}, 3, 7, timeout),
		frame([]byte{0x52}, 3, 7, running, received(2)), []conntest.IO{fifo(0x04, 0x00)},
		frame([]byte{0x93, 0x20}, 3, 0, received(5)), []conntest.IO{fifo(0x00, 0x00, 0x00, 0x01, 0x01)},
		frame([]byte{0x93, 0x70, 0x00, 0x00, 0x00, 0x01, 0x01, 0xCD, 0xD1}, 3, 0, received(3)), []conntest.IO{fifo(0x08, 0xB6, 0xDD)},
		frame([]byte{0x50, 0x00, 0x57, 0xCD}, 3, 0, timeout),
		[]conntest.IO{readBack})
	playback(t, ops, func(t *testing.T, d *Dev) {
		if err := d.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Poll(t.Context()); err != nfc.ErrNoCard {
			t.Fatalf("error %v, expected %v", err, nfc.ErrNoCard)
		}
		card, err := d.Poll(t.Context())
		if err != nil || !bytes.Equal(card.UID, []byte{0, 0, 0, 1}) || card.ATQA != 4 || card.SAK != 8 { // L31
			t.Fatalf("card %+v and the error %v", card, err)
		}
		if err := d.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Alive(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestErrorsOfAFrame(t *testing.T) {
	for name, c := range map[string]struct {
		look []byte
		want error
		says string
	}{
		"collision":                    {[]byte{0x64, 0x08, 0x01, 0x10}, nfc.ErrCollision, ""},
		"collision, parity with it":    {[]byte{0x64, 0x0A, 0x01, 0x10}, nfc.ErrCollision, ""},
		"parity":                       {[]byte{0x64, 0x02, 0x02, 0x10}, iso14443.ErrDisturbed, "0x02"},
		"protocol":                     {[]byte{0x64, 0x01, 0x02, 0x10}, iso14443.ErrDisturbed, "0x01"},
		"overflow":                     {[]byte{0x64, 0x10, 0x40, 0x10}, iso14443.ErrDisturbed, "0x10"},
		"four bits":                    {[]byte{0x64, 0x00, 0x01, 0x14}, iso14443.ErrDisturbed, "the last with 4 bits"},
		"empty":                        {[]byte{0x64, 0x00, 0x00, 0x10}, iso14443.ErrDisturbed, "0 bytes"},
		"timer":                        {timeout, iso14443.ErrNoAnswer, ""},
		"too hot":                      {[]byte{0x64, 0x40, 0x02, 0x10}, nil, "too hot"},
		"write error":                  {[]byte{0x64, 0x80, 0x02, 0x10}, nil, "error register 0x80"},
		"more bytes than there can be": {[]byte{0x64, 0x00, 0x41, 0x10}, nil, "65 bytes in a FIFO of 64"},
		"nothing but ones":             {[]byte{0xFF, 0xFF, 0xFF, 0xFF}, nil, "holds 0xff"},
	} {
		t.Run(name, func(t *testing.T) {
			playback(t, frame([]byte{0x52}, 3, 7, running, c.look), func(t *testing.T, d *Dev) {
				_, err := d.link.Frame(t.Context(), []byte{0x52}, 7, time.Millisecond)
				cards := errors.Is(err, nfc.ErrCollision) || errors.Is(err, iso14443.ErrDisturbed) || errors.Is(err, iso14443.ErrNoAnswer)
				if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && cards || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, expected %v that says %q", err, c.want, c.says)
				}
			})
		})
	}
}

func TestFrameIsTooLong(t *testing.T) {
	playback(t, nil, func(t *testing.T, d *Dev) {
		if _, err := d.link.Frame(t.Context(), make([]byte, 65), 0, time.Millisecond); err == nil || !strings.Contains(err.Error(), "65 bytes") {
			t.Errorf("error %v", err)
		}
	})
}

// The number of looks is bounded by the chip's timeout and 20 ms.
func TestLooksAreBounded(t *testing.T) {
	looks := make([][]byte, 84)
	for i := range looks {
		looks[i] = running
	}
	playback(t, frame([]byte{0x52}, 3, 7, looks...), func(t *testing.T, d *Dev) {
		start := time.Now()
		_, err := d.link.Frame(t.Context(), []byte{0x52}, 7, time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), "in 21ms") || time.Since(start) != 21*time.Millisecond {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

func TestTimerIsSetForTheTimeout(t *testing.T) {
	for timeout, want := range map[time.Duration][2]byte{
		time.Millisecond: {0x00, 0x03}, 77 * time.Millisecond: {0x00, 0x9B}, 4953 * time.Millisecond: {0x26, 0xB3},
	} {
		ops := frame([]byte{0x00}, 0, 0, []byte{0x45, 0x00, 0x00, 0x10})
		ops[4], ops[5] = write(0x58, want[0]), write(0x5A, want[1])
		playback(t, ops, func(t *testing.T, d *Dev) {
			if _, err := d.link.Frame(t.Context(), []byte{0x00}, 0, timeout); !errors.Is(err, iso14443.ErrNoAnswer) {
				t.Errorf("%v: %v", timeout, err)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for version, says := range map[byte]string{
		0x91: "", 0x92: "", 0x88: "FM17522", 0xB2: "FM17522", 0x12: "counterfeit", 0x90: "check which chip", 0x00: "nothing answers", 0xFF: "nothing answers",
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := fakechip.NewMFRC522()
			fake.Version = version
			fake.PowerCut()
			d, err := New(fake, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Reset(t.Context()); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
				t.Errorf("version 0x%02x: error %v, expected one that says %q", version, err, says)
			}
		})
	}
}

// Each setting alone shows that a chip was reset.
func TestL24EachRegisterIsReadBack(t *testing.T) {
	for _, s := range settings {
		synctest.Test(t, func(t *testing.T) {
			fake := fakechip.NewMFRC522()
			d, err := New(fake, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := d.Alive(t.Context()); err != nil {
				t.Fatal(err)
			}
			fresh, err := New(fakechip.NewMFRC522(), nil)
			if err != nil {
				t.Fatal(err)
			}
			value, err := fresh.link.read(s.r)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.link.write(s.r, value...); err != nil {
				t.Fatal(err)
			}
			if err := d.Alive(t.Context()); err == nil || !strings.Contains(err.Error(), "was reset or lost power") {
				t.Errorf("register 0x%02x at its default: %v", s.r, err)
			}
		})
	}
}

// line is an output whose level can be stuck.
type line struct {
	set []bool
	err error
}

func (l *line) Set(on bool) error    { l.set = append(l.set, on); return l.err }
func (l *line) Level() (bool, error) { return false, nil }

func TestResetLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, l := fakechip.NewMFRC522(), &line{}
		d, err := New(fake, l)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Reset(t.Context()); err != nil || len(l.set) != 2 || !l.set[0] || l.set[1] {
			t.Errorf("the line was set %v, error %v", l.set, err)
		}
		l.err = errors.New("reads back low")
		if err := d.Reset(t.Context()); !errors.Is(err, l.err) {
			t.Errorf("error %v, expected %v", err, l.err)
		}
	})
}

func TestResetIsCutOff(t *testing.T) {
	for after := time.Duration(0); after < 14*time.Millisecond; after += time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			fake := fakechip.NewMFRC522()
			d, err := New(fake, fake.ResetLine())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), after+time.Microsecond)
			defer cancel()
			if err := d.Reset(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %v: %v", after, err)
			}
		})
	}
}

// refusing is a port that cannot be connected to.
type refusing struct{ spi.PortCloser }

var errRefused = errors.New("already connected")

func (refusing) Connect(physic.Frequency, spi.Mode, int) (spi.Conn, error) { return nil, errRefused }

func TestPortRefuses(t *testing.T) {
	if _, err := New(refusing{}, nil); !errors.Is(err, errRefused) {
		t.Errorf("error %v, expected %v", err, errRefused)
	}
}
