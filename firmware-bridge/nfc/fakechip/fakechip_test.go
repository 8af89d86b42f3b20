package fakechip

import (
	"bytes"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
)

// mute is a card that counts how often it lost its power.
type mute struct {
	id      nfc.Card
	powered int
}

func (m *mute) Identity() nfc.Card   { return m.id }
func (m *mute) Answer([]byte) []byte { return nil }
func (m *mute) PowerOn()             { m.powered++ }

func newMute(uid ...byte) *mute { return &mute{id: nfc.Card{UID: uid, ATQA: 0x0004, SAK: 0x08}} }

// The states of a card without ISO/IEC 14443-4: what it answers to what.
func TestPICC(t *testing.T) {
	p := &picc{card: newMute(0x00, 0x00, 0x00, 0x01)}
	for i, s := range []struct {
		tx   []byte
		bits int
		rx   []byte
		end  state
	}{
		{[]byte{0x93, 0x20}, 0, nil, idle},
		{[]byte{0x26}, 7, []byte{0x04, 0x00}, ready},
		{[]byte{0x26}, 7, nil, idle}, // out of turn
		{[]byte{0x52}, 7, []byte{0x04, 0x00}, ready},
		{[]byte{0x95, 0x20}, 0, nil, idle}, // not its level
		{[]byte{0x26}, 7, []byte{0x04, 0x00}, ready},
		{crc([]byte{0x93, 0x70, 0, 0, 0, 2, 2}), 0, nil, idle}, // another card is selected
		{[]byte{0x26}, 7, []byte{0x04, 0x00}, ready},
		{[]byte{0x93, 0x20}, 0, []byte{0, 0, 0, 1, 1}, ready},
		{crc([]byte{0x93, 0x70, 0, 0, 0, 1, 1}), 0, []byte{0x08, 0xB6, 0xDD}, active},
		{[]byte{0x50, 0x00, 0x57, 0xCD}, 0, nil, halted},
		{[]byte{0x26}, 7, nil, halted}, // a halted card does not hear REQA
		{[]byte{0x52}, 7, []byte{0x04, 0x00}, ready},
		{[]byte{0x52}, 7, nil, halted}, // and goes back to where it came from
		{[]byte{0x52}, 7, []byte{0x04, 0x00}, ready},
		{crc([]byte{0x93, 0x70, 0, 0, 0, 1, 1}), 0, []byte{0x08, 0xB6, 0xDD}, active},
		{[]byte{0x52}, 7, nil, halted}, // an active card does not answer WUPA
		{[]byte{0x52}, 7, []byte{0x04, 0x00}, ready},
		{crc([]byte{0x93, 0x70, 0, 0, 0, 1, 1}), 0, []byte{0x08, 0xB6, 0xDD}, active},
		{crc([]byte{0xE0, 0x50}), 0, nil, halted}, // it does not speak ISO/IEC 14443-4
	} {
		if got := p.frame(s.tx, s.bits, 0); !bytes.Equal(got, s.rx) || p.state != s.end {
			t.Fatalf("step %d: answer % x and state %d, expected % x and %d", i, got, p.state, s.rx, s.end)
		}
	}
}

func TestCollide(t *testing.T) {
	for _, c := range []struct {
		answers  [][]byte
		position int
		collided bool
	}{
		{[][]byte{{1, 2}}, 0, false},
		{[][]byte{{1, 2}, {1, 2}}, 0, false},
		{[][]byte{{0x00}, {0x01}}, 1, true},
		{[][]byte{{0x00}, {0x80}}, 8, true},
		{[][]byte{{5, 5, 5, 0x00}, {5, 5, 5, 0x40}}, 31, true},
	} {
		if _, position, collided := collide(c.answers); position != c.position || collided != c.collided {
			t.Errorf("%x: collision %v at %d, expected %v at %d", c.answers, collided, position, c.collided, c.position)
		}
	}
}

func TestMFRC522Registers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewMFRC522()
		conn, err := c.Connect(10*physic.MegaHertz, spi.Mode0, 8)
		if err != nil {
			t.Fatal(err)
		}
		write := func(r byte, v ...byte) {
			t.Helper()
			if err := conn.Tx(append([]byte{r << 1}, v...), nil); err != nil {
				t.Fatal(err)
			}
		}
		read := func(r byte) byte {
			t.Helper()
			in := make([]byte, 2)
			if err := conn.Tx([]byte{r<<1 | 0x80, 0}, in); err != nil {
				t.Fatal(err)
			}
			return in[1]
		}
		if got := read(rCommand); got != 0x30 {
			t.Errorf("command register 0x%02x while it wakes, expected 0x30", got)
		}
		<-time.After(2 * time.Millisecond)
		for r, want := range map[byte]byte{rCommand: 0x20, rTxControl: 0x80, rTMode: 0, rVersion: 0x92, 0x26: 0x48} {
			if got := read(r); got != want {
				t.Errorf("register 0x%02x holds 0x%02x, expected 0x%02x", r, got, want)
			}
		}
		write(rFIFOData, make([]byte, 65)...)
		if read(rFIFOLevel) != 64 || read(rError) != 0x10 {
			t.Errorf("%d bytes of 65 in the FIFO, error 0x%02x", read(rFIFOLevel), read(rError))
		}
		write(rFIFOLevel, 0x80)
		write(rComIrq, 0x7F)
		write(rTMode, 0x8D)
		write(rTPrescaler, 0x3E)
		write(rTReloadLo, 9)
		write(rFIFOData, 0x52)
		write(rCommand, 0x0C)
		write(rBitFraming, 0x87)
		<-time.After(5 * time.Millisecond)
		if got := read(rComIrq); got != 0 {
			t.Errorf("interrupts 0x%02x after 5 ms, expected none", got)
		}
		<-time.After(time.Millisecond)
		if got := read(rComIrq); got != 0x01 {
			t.Errorf("interrupts 0x%02x after 6 ms, expected the timer's", got)
		}
		write(rCommand, 0x0F)
		if read(rTMode) != 0 {
			t.Error("a soft reset keeps registers")
		}
	})
}

func TestPortsRefuse(t *testing.T) {
	for name, port := range map[string]spi.PortCloser{"mfrc522": NewMFRC522(), "pn532": NewPN532().SPI()} {
		for _, c := range []struct {
			f    physic.Frequency
			mode spi.Mode
		}{{11 * physic.MegaHertz, spi.Mode0}, {physic.MegaHertz, spi.Mode3}} {
			if _, err := port.Connect(c.f, c.mode, 8); err == nil {
				t.Errorf("%s is connected at %v in %v", name, c.f, c.mode)
			}
		}
		conn, err := port.Connect(physic.MegaHertz, spi.Mode0, 8)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Tx([]byte{0, 0}, make([]byte, 3)); err == nil {
			t.Errorf("%s: 2 bytes out and 3 in", name)
		}
	}
	if err := NewPN532().I2C().Tx(0x25, []byte{0}, nil); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("address 0x25: %v", err)
	}
}

func TestPowerOfCards(t *testing.T) {
	c, m := NewPN532(), newMute(1, 2, 3, 4)
	c.Put(m)
	if m.powered != 1 {
		t.Errorf("powered %d times by entering the field", m.powered)
	}
	c.normal = true
	for _, on := range []byte{1, 1, 0, 0, 1} {
		c.run(0x32, []byte{0x01, on})
	}
	if m.powered != 2 {
		t.Errorf("powered %d times after the field was off once, expected 2", m.powered)
	}
	c.PowerCut()
	if m.powered != 3 {
		t.Errorf("powered %d times after a power cut, expected 3", m.powered)
	}
}

var (
	wake    = []byte{0x55, 0x55, 0x00, 0x00}
	version = []byte{0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00}
)

// all reads until the port is silent for 50 ms.
func all(t *testing.T, p bridge.Port) (got []byte) {
	t.Helper()
	if err := p.SetReadTimeout(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for {
		b := make([]byte, 7)
		n, err := p.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return got
		}
		got = append(got, b[:n]...)
	}
}

func TestSerial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPN532().Serial()
		write := func(b []byte) {
			t.Helper()
			if n, err := p.Write(b); n != len(b) || err != nil {
				t.Fatalf("%d bytes written, error %v", n, err)
			}
		}
		silent := func(why string) {
			t.Helper()
			start := time.Now()
			if got := all(t, p); len(got) > 0 || time.Since(start) != 50*time.Millisecond {
				t.Errorf("%s: read % x after %v, expected nothing after 50 ms", why, got, time.Since(start))
			}
		}
		write(append(wake, version...))
		silent("no speed was set")
		if err := p.SetSpeed(115200); err != nil {
			t.Fatal(err)
		}
		write(version)
		silent("asleep")
		write(append(wake, version...))
		if got := all(t, p); !bytes.Equal(got, append(frameAck, 0, 0, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0)) {
			t.Errorf("read % x", got)
		}
		write(frameNack)
		if got := all(t, p); len(got) != 13 {
			t.Errorf("read % x, expected the response again", got)
		}
		write(version)
		write(frameAck)
		silent("aborted")

		// A Read that waits without a bound is ended by bytes, and by Close.
		if err := p.SetReadTimeout(-1); err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		read := func() {
			_, err := p.Read(make([]byte, 1))
			got <- err
		}
		go read()
		synctest.Wait()
		write(version)
		if err := <-got; err != nil {
			t.Error(err)
		}
		write(frameAck)
		all(t, p)
		if err := p.SetReadTimeout(-1); err != nil {
			t.Fatal(err)
		}
		go read()
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-got; !errors.Is(err, os.ErrClosed) {
			t.Errorf("read of a closed port: %v", err)
		}
		if _, err := p.Write(version); !errors.Is(err, os.ErrClosed) {
			t.Errorf("write to a closed port: %v", err)
		}
		if err := p.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("second close: %v", err)
		}
	})
}
