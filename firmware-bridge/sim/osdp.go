package sim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
	"kapija/firmware-bridge/secrets"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

// buses lays the RS-485 buses with their readers.
func (l *layer) buses() error {
	for id, v := range l.Wiring.Buses {
		baud := v.Baud
		if baud == 0 {
			baud = 9600
		}
		var pds []*peripheral.PD
		for _, r := range l.gw.Readers {
			if w := l.Wiring.Readers[r.ID]; w.OSDP == id {
				p, err := l.pd(r, w, baud)
				if err != nil {
					return err
				}
				pds = append(pds, p.PD)
			}
		}
		b := &readerBus{name: "bus " + id, w: l.w, line: peripheral.NewLine(baud, pds...), baud: baud}
		l.w.serial[id] = b.open
		if l.Socket != "" {
			if err := b.tty(l.Socket, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// pd makes one reader. It holds the key that the gateway has for it, and is paired when the gateway has none.
func (l *layer) pd(r *site.Reader, v site.ReaderWiring, baud int) (*pd, error) {
	me := wire.ID{Vendor: [3]byte{0x4B, 0x41, 0x50}, Model: 1, Version: 1, Serial: serialOf(r.ID), Firmware: [3]byte{1, 0, 0}}
	cfg := peripheral.Config{Address: byte(v.Address), Baud: baud, ID: peripheral.Identity(me), Open: v.Clear}
	if !l.Unboxed {
		key, err := l.key(r.ID, me, v.Clear)
		if err != nil {
			return nil, fmt.Errorf("sim: reader %s: %w", r.ID, err)
		}
		cfg.Key = key
	}
	p := &pd{PD: peripheral.New(cfg), clock: l.w.clock}
	l.w.pds[r.ID], l.w.badges[r.ID], l.w.keys[r.ID], l.w.faulty[r.ID] = p, p, p, p.fail
	return p, nil
}

// key is the key that the gateway has for a reader. One that it does not know is paired with it, unless it talks in clear.
// One whose pairing is damaged has a key that nobody knows.
func (l *layer) key(id string, me wire.ID, clear bool) (secure.Key, error) {
	known, err := l.Secrets.Reader(id)
	unpaired := errors.Is(err, secrets.ErrNotPaired)
	switch {
	case err == nil && known.Key != nil:
		return *known.Key, nil
	case err == nil:
		return *known.Pending, nil
	case unpaired && clear:
		return secure.Key{}, nil
	case unpaired && l.Secrets == nil:
		return secure.Key{}, errors.New("there is no place for its key: expected Secrets, or clear in its wiring")
	}
	key, err := secure.NewKey(rand.Reader)
	if err != nil || !unpaired {
		return key, err
	}
	return key, l.Secrets.Pair(id, secrets.Pairing{Key: &key, ID: me})
}

func serialOf(id string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32()
}

// readerBus is one RS-485 bus.
type readerBus struct {
	name string
	w    *Wires
	line *peripheral.Line
	baud int

	mu   sync.Mutex
	busy bool
}

// open gives the gateway's end of a bus that no process outside of this one can reach.
func (b *readerBus) open() (bridge.Port, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		return nil, fmt.Errorf("sim: %s is open already: %w", b.name, syscall.EBUSY)
	}
	near, far := peripheral.Pipe(b.line.SetBaud)
	b.busy = b.w.start(func() {
		_ = peripheral.Serve(b.w.ctx, far, b.line, b.w.clock)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.busy = false
	})
	if !b.busy {
		return nil, fmt.Errorf("sim: %s: %w", b.name, os.ErrClosed)
	}
	return near, nil
}

// pd is one OSDP reader.
type pd struct {
	*peripheral.PD
	clock func() time.Duration
}

func (p *pd) badge(bits string) (time.Duration, error) {
	raw, n, err := cardformat.Parse(bits)
	if err != nil {
		return 0, err
	}
	return p.clock(), p.Card(raw, n)
}

func (p *pd) press(keys string) (time.Duration, error) { return p.clock(), p.Keys(keys) }

// fail makes the reader deaf: it hears no command.
func (p *pd) fail(failed bool) {
	n := 0
	if failed {
		n = -1
	}
	_ = p.Inject(peripheral.LoseCommand, n)
	if !failed {
		p.PowerCut()
	}
}

// shows says whether a part of the reader is on: led is green.
func (p *pd) shows(terminal string) bool {
	v := p.View(p.clock())
	switch terminal {
	case "led":
		return v.LED == wire.Green
	case "buzzer":
		return v.Buzzer
	}
	n, err := strconv.Atoi(terminal)
	return err == nil && n >= 0 && n < len(v.Outputs) && v.Outputs[n]
}

// terminal is an input of a reader, or its tamper switch.
type terminal struct {
	pd         *pd
	name       string
	activeHigh bool
}

func (t *terminal) set(high bool) {
	active := high == t.activeHigh
	if t.name == "tamper" {
		_ = t.pd.Tamper(active)
		return
	}
	n, err := strconv.Atoi(t.name)
	if err != nil {
		return
	}
	state := wire.InputOff
	if active {
		state = wire.InputOn
	}
	_ = t.pd.Input(n, state)
}
