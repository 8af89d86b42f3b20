package pn532

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/bits"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/conntest"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spitest"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakechip"
)

// talk is one command and its response, as they are on the wires.
type talk struct{ command, response string }

// The smoke sequence: reset, a look at an empty field, a card that is asked something, its release.
var smoke = []talk{
	{"0000ff02fed4022a00", "0000ff06fad50332010607e800"},                                   // GetFirmwareVersion
	{"0000ff03fdd414011700", "0000ff02fed5151600"},                                         // SAMConfiguration
	{"0000ff03fdd412140600", "0000ff02fed5131800"},                                         // SetParameters
	{"0000ff06fad43205ff0101f400", "0000ff02fed533f800"},                                   // RFConfiguration: retries
	{"0000ff04fcd4320100f900", "0000ff02fed533f800"},                                       // RFConfiguration: field off
	{"0000ff04fcd4320101f800", "0000ff02fed533f800"},                                       // RFConfiguration: field on
	{"0000ff02fed4022a00", "0000ff06fad50332010607e800"},                                   // GetFirmwareVersion
	{"0000ff04fcd4066304bf00", "0000ff03fdd50783a100"},                                     // ReadRegister CIU_TxControl
	{"0000ff04fcd44a0200e000", "0000ff03fdd54b00e000"},                                     // InListPassiveTarget: none
	{"0000ff04fcd44a0200e000", "0000ff15ebd54b010103442007000000000000010675778102807a00"}, // one
	{"0000ff05fbd440019060fb00", "0000ff05fbd5410091005900"},                               // InDataExchange
	{"0000ff03fdd45200da00", "0000ff03fdd55300d800"},                                       // InRelease
	{"0000ff04fcd4320100f900", "0000ff02fed533f800"},
	{"0000ff04fcd4320101f800", "0000ff02fed533f800"},
}

// run does what smoke is the talk of.
func run(t *testing.T, d *Dev) {
	t.Helper()
	if err := d.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Poll(t.Context()); err != nfc.ErrNoCard {
		t.Fatalf("error %v, expected %v", err, nfc.ErrNoCard)
	}
	card, err := d.Poll(t.Context())
	if err != nil || !bytes.Equal(card.UID, []byte{0, 0, 0, 0, 0, 0, 1}) || card.ATQA != 0x0344 || card.SAK != 0x20 { // L31
		t.Fatalf("card %+v and the error %v", card, err)
	}
	got, err := d.Exchange(t.Context(), []byte{0x90, 0x60})
	if err != nil || !bytes.Equal(got, []byte{0x91, 0x00}) {
		t.Fatalf("answer % x and the error %v", got, err)
	}
	if err := d.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// filled has n bytes: b and zeros, as a chip that has no more to say.
func filled(n int, b ...byte) []byte { return append(b, make([]byte, n-len(b))...) }

func TestPlaybackI2C(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ops []i2ctest.IO
		io := func(w, r []byte) { ops = append(ops, i2ctest.IO{Addr: 0x24, W: w, R: r}) }
		for _, s := range smoke {
			io(unhex(t, s.command), nil)
			io(nil, []byte{0x00})
			io(nil, []byte{0x01})
			io(nil, append([]byte{0x01}, ackFrame...))
			io(nil, []byte{0x00})
			io(nil, []byte{0x00})
			io(nil, []byte{0x01})
			io(nil, filled(41, append([]byte{0x01}, unhex(t, s.response)...)...))
		}
		bus := &i2ctest.Playback{Ops: ops, DontPanic: true}
		d, err := NewI2C(bus, Address, nil)
		if err != nil {
			t.Fatal(err)
		}
		run(t, d)
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A response that is damaged, or longer than what was read at first, is asked for again; one that stays damaged fails.
func TestResponseIsAskedForAgain(t *testing.T) {
	good := unhex(t, "0000ff03fdd54100ea00")
	bad := slices.Clone(good)
	bad[6] ^= 0x04
	long := append(append(unhex(t, "0000ffffff0109f6d54100"), make([]byte, 262)...), 0xEA, 0x00)
	for name, c := range map[string]struct {
		reads [][]byte
		n     int
		says  string
	}{
		"damaged once":   {[][]byte{filled(41, append([]byte{1}, bad...)...), filled(41, append([]byte{1}, good...)...)}, 1, ""},
		"long":           {[][]byte{append([]byte{1}, long[:40]...), append([]byte{1}, long[:274]...)}, 263, ""},
		"damaged always": {slices.Repeat([][]byte{filled(41, append([]byte{1}, bad...)...)}, 4), 0, "damaged"},
		"another":        {[][]byte{filled(41, append([]byte{1}, unhex(t, "0000ff02fed533f800")...)...)}, 0, "not the response to it"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ops []i2ctest.IO
				io := func(w, r []byte) { ops = append(ops, i2ctest.IO{Addr: 0x24, W: w, R: r}) }
				io(encode([]byte{0x40, 0x01}), nil)
				io(nil, []byte{0x01})
				io(nil, append([]byte{0x01}, ackFrame...))
				for i, r := range c.reads {
					if i > 0 {
						io(unhex(t, "0000ffff0000"), nil)
					}
					io(nil, []byte{0x01})
					io(nil, r)
				}
				if c.says != "" {
					io(ackFrame, nil) // the abort
				}
				bus := &i2ctest.Playback{Ops: ops, DontPanic: true}
				d, err := NewI2C(bus, Address, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := d.link.command(t.Context(), commandTime, 0x40, 0x01)
				if len(got) != c.n || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("%d bytes and the error %v, expected %d and one that says %q", len(got), err, c.n, c.says)
				}
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestPlaybackSPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lsb := func(b []byte) (out []byte) {
			for _, v := range b {
				out = append(out, bits.Reverse8(v))
			}
			return out
		}
		var ops []conntest.IO
		status := func(ready byte) {
			ops = append(ops, conntest.IO{W: []byte{0x40, 0x00}, R: []byte{0x00, ready << 7}})
		}
		data := func(n int, b []byte) {
			ops = append(ops, conntest.IO{W: filled(1+n, 0xC0), R: append([]byte{0x00}, lsb(filled(n, b...))...)})
		}
		for i, s := range smoke {
			if i < 2 { // what may find it asleep
				status(0)
			}
			ops = append(ops, conntest.IO{W: append([]byte{0x80}, lsb(unhex(t, s.command))...)})
			status(0)
			status(1)
			data(6, ackFrame)
			status(0)
			status(1)
			data(40, unhex(t, s.response))
		}
		port := &spitest.Playback{Playback: conntest.Playback{Ops: ops, DontPanic: true}}
		d, err := NewSPI(port, nil)
		if err != nil {
			t.Fatal(err)
		}
		run(t, d)
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	})
}

// serial is a port that plays: each write is expected, each read gives a piece; an empty piece is the timeout.
type serial struct {
	*testing.T
	writes [][]byte
	reads  [][]byte // after each write, up to a nil
	baud   int
}

func (s *serial) Write(p []byte) (int, error) {
	if len(s.writes) == 0 || !bytes.Equal(p, s.writes[0]) {
		s.Errorf("written % x, expected % x", p, s.writes)
		return 0, os.ErrInvalid
	}
	s.writes = s.writes[1:]
	return len(p), nil
}

func (s *serial) Read(p []byte) (int, error) {
	if len(s.reads) == 0 {
		return 0, nil
	}
	n := copy(p, s.reads[0])
	s.reads = s.reads[1:]
	return n, nil
}

func (s *serial) SetReadTimeout(time.Duration) error { return nil }
func (s *serial) SetSpeed(baud int) error            { s.baud = baud; return nil }
func (s *serial) Close() error                       { return nil }

func TestPlaybackUART(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port := &serial{T: t}
		for i, s := range smoke {
			if i < 2 { // what may find it asleep
				port.writes = append(port.writes, append([]byte{0x55, 0x55}, make([]byte, 14)...))
			}
			port.writes = append(port.writes, unhex(t, s.command))
			answer := append(append([]byte(nil), ackFrame...), unhex(t, s.response)...)
			port.reads = append(port.reads, nil, answer[:4], answer[4:9], nil, answer[9:])
		}
		run(t, NewUART(port, nil))
		if len(port.writes) > 0 || len(port.reads) > 0 || port.baud != 115200 {
			t.Errorf("%d writes and %d reads are left, the speed is %d", len(port.writes), len(port.reads), port.baud)
		}
	})
}

// reset opens a fake chip on I²C and resets it.
func reset(t *testing.T, fake *fakechip.PN532) (*Dev, error) {
	t.Helper()
	d, err := NewI2C(fake.I2C(), Address, fake.ResetLine())
	if err != nil {
		t.Fatal(err)
	}
	return d, d.Reset(t.Context())
}

func TestIdentity(t *testing.T) {
	for firmware, ok := range map[[4]byte]bool{
		{0x32, 0x01, 0x06, 0x07}: true, {0x32, 0x01, 0x04, 0x07}: true,
		{0x33, 0x02, 0x07, 0x07}: false, {0x32, 0x01, 0x06, 0x06}: false, {}: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := fakechip.NewPN532()
			fake.Firmware = firmware
			if _, err := reset(t, fake); ok && err != nil || !ok && (err == nil || !strings.Contains(err.Error(), "check which chip it is")) {
				t.Errorf("firmware % x: %v", firmware, err)
			}
		})
	}
}

func TestL24FirmwareAndAntennaAreReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakechip.NewPN532()
		d, err := reset(t, fake)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Alive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.link.command(t.Context(), commandTime, rfConfiguration, itemField, 0); err != nil {
			t.Fatal(err)
		}
		if err := d.Alive(t.Context()); err == nil || !strings.Contains(err.Error(), "CIU_TxControl holds 80") {
			t.Errorf("antenna off: %v", err)
		}
		fake.Firmware[2]++
		if err := d.Alive(t.Context()); err == nil || !strings.Contains(err.Error(), "expected 32 01 06 07") {
			t.Errorf("other firmware: %v", err)
		}
	})
}

func TestSyntaxError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := reset(t, fakechip.NewPN532())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.link.command(t.Context(), commandTime, 0xEE); err == nil || !strings.Contains(err.Error(), "command 0xee: the chip refuses it") {
			t.Errorf("error %v", err)
		}
	})
}

func TestStatus(t *testing.T) {
	for code, want := range map[byte]error{0x00: nil, 0x40: nil, 0x01: nfc.ErrCardLost, 0x41: nfc.ErrCardLost, 0x0B: nfc.ErrCardLost, 0x2B: nfc.ErrCardLost} {
		if err := status(code); !errors.Is(err, want) {
			t.Errorf("status 0x%02x: %v, expected %v", code, err, want)
		}
	}
	for code, says := range map[byte]string{0x27: "lost power", 0x0D: "too hot", 0x10: "error 0x10"} {
		if err := status(code); err == nil || errors.Is(err, nfc.ErrCardLost) || !strings.Contains(err.Error(), says) {
			t.Errorf("status 0x%02x: %v, expected an error of the chip that says %q", code, err, says)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for text, c := range map[string]struct {
		card nfc.Card
		err  error
	}{
		"010100040804" + "00000001":                          {nfc.Card{UID: []byte{0, 0, 0, 1}, ATQA: 4, SAK: 8}, nil}, // L31
		"01010344200a" + "00010203040506070809" + "0102":     {nfc.Card{UID: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, ATQA: 0x344, SAK: 0x20}, nil},
		"020100040804" + "00000001" + "02000408041122334455": {nfc.Card{}, nfc.ErrCollision},
		"010100040803" + "000001":                            {nfc.Card{}, nfc.ErrNoCard},
		"010100040800":                                       {nfc.Card{}, nfc.ErrNoCard},
	} {
		got, err := parseTarget(unhex(t, text))
		if !errors.Is(err, c.err) || !bytes.Equal(got.UID, c.card.UID) || got.ATQA != c.card.ATQA || got.SAK != c.card.SAK {
			t.Errorf("%s: %+v and the error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "03", "01", "0101000408", "010100040804000000", "010200040804" + "00000001", "0001"} {
		if got, err := parseTarget(unhex(t, text)); err == nil || errors.Is(err, nfc.ErrNoCard) {
			t.Errorf("%s: %+v and the error %v", text, got, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add(unhex(f, "010100040804"+"00000001"))
	f.Add(unhex(f, "01010344200a"+"00010203040506070809"+"0102"))
	f.Fuzz(func(t *testing.T, b []byte) {
		card, err := parseTarget(b)
		if n := len(card.UID); err == nil && n != 4 && n != 7 && n != 10 {
			t.Errorf("UID of %d bytes", n)
		}
	})
}

// A card that keeps the chip busy for ever is lost; the chip is well.
func TestEndlessCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakechip.NewPN532()
		d, err := reset(t, fake)
		if err != nil {
			t.Fatal(err)
		}
		fake.Put(slow{})
		if _, err := d.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		fake.Slow(1000)
		if _, err := d.Exchange(t.Context(), []byte{0x00}); !errors.Is(err, nfc.ErrCardLost) || !strings.Contains(err.Error(), "in 5s") {
			t.Errorf("error %v", err)
		}
		fake.Slow(0)
		if _, err := d.Poll(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

type slow struct{}

func (slow) Identity() nfc.Card        { return nfc.Card{UID: []byte{1, 2, 3, 4}, ATQA: 0x0344, SAK: 0x20} }
func (slow) Answer(apdu []byte) []byte { return []byte{0x90, 0x00} }

// What lies in the port's buffer after a command was cut off is not taken for the answer of the next one.
func TestLateBytesAreDiscarded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	port := &late{answers: []string{"0000ff00ff00" + "0000ff03fdd50711" + "1300", "0000ff00ff00" + "0000ff03fdd50722" + "0200"}, cut: cancel}
	d := NewUART(port, nil)
	if _, err := d.link.command(ctx, commandTime, readRegister, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected %v", err, context.Canceled)
	}
	got, err := d.link.command(t.Context(), commandTime, readRegister, 0, 2)
	if err != nil || !bytes.Equal(got, []byte{0x22}) {
		t.Errorf("answer % x and the error %v, expected 22", got, err)
	}
}

// late is a port that has an answer as soon as its command is written; the first Read cuts the command off.
type late struct {
	serial
	answers []string
	there   []byte
	cut     func()
}

func (l *late) Write(p []byte) (int, error) {
	if !bytes.Equal(p, ackFrame) {
		b, err := hex.DecodeString(l.answers[0])
		if err != nil {
			return 0, err
		}
		l.there, l.answers = append(l.there, b...), l.answers[1:]
	}
	return len(p), nil
}

func (l *late) Read(p []byte) (int, error) {
	if l.cut != nil {
		l.cut()
		l.cut = nil
		return 0, nil
	}
	n := copy(p, l.there)
	l.there = l.there[n:]
	return n, nil
}

// A line that babbles does not hold a command for ever, and is no chip.
func TestBabblingLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewUART(&babble{}, nil)
		if err := d.Reset(t.Context()); err == nil || errors.Is(err, nfc.ErrNoCard) {
			t.Errorf("error %v", err)
		}
	})
}

// babble is a port that always has something to say: a millisecond of it at a time.
type babble struct{ serial }

func (*babble) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return copy(p, "\xFF\x00\xAA\x55\x00\x00\x00"), nil
}
func (*babble) Write(p []byte) (int, error) { return len(p), nil }
func (*babble) SetSpeed(int) error          { return nil }

func TestConstructors(t *testing.T) {
	if _, err := NewI2C(nil, 0x48, nil); err == nil || !strings.Contains(err.Error(), "0x24") {
		t.Errorf("address 0x48: %v", err)
	}
	if _, err := NewSPI(refusing{}, nil); !errors.Is(err, errRefused) {
		t.Errorf("error %v, expected %v", err, errRefused)
	}
}

// refusing is a port that cannot be connected to.
type refusing struct{ spi.PortCloser }

var errRefused = errors.New("already connected")

func (refusing) Connect(physic.Frequency, spi.Mode, int) (spi.Conn, error) { return nil, errRefused }
