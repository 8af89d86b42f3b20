// Package ads1115 watches up to four supervised inputs, contacts with resistors at the end of their line, by a TI ADS1115
// on an I²C bus (datasheet SBAS444). What the loops look like and what their voltages mean is written at Loop.
//
// It does not use periph's ads1x15 (devices v3.7.4): that one waits for the nominal time of a conversion and then reads
// without asking whether it is over, while the chip may be 10 % slow (electrical characteristics, data rate variation),
// and so takes one channel's voltage for another's; it never reads its configuration back, and sleeps without a way to
// stop it.
//
// It never reports a state that did not hold for the debounce time, and never holds a loop for sound that is cut,
// short-circuited or between its bands: each of them is one offline bridge.Health of the input with what was measured.
//
// Concurrency: Run owns the device; the bus is borrowed and may be shared. A full channel makes it wait, and what would
// have been measured meanwhile is not.
package ads1115

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// The addresses, by what the pin ADDR is connected to (table "ADDR pin connection").
const (
	firstAddress = 0x48
	lastAddress  = 0x4B
)

// DefaultDebounce is how long a state must hold. IEC 60839-11-1 asks that an input of more than 400 ms is processed.
const DefaultDebounce = 20 * time.Millisecond

// Registers (address pointer register), and the configuration of one conversion (config register).
const (
	conversion = 0x00
	config     = 0x01

	single    = 1 << 15 // OS: written, begin a conversion; read, none is under way
	fromAIN0  = 4 << 12 // MUX: AIN0 against ground, with the other inputs behind it
	toNext    = 1 << 12
	gain      = 1 << 9 // PGA: ±4.096 V
	singleOne = 1 << 8 // MODE: single-shot
	rate      = 6 << 5 // DR: 475 conversions a second
	noCompare = 3      // COMP_QUE

	fullScale = 4096 * physic.MilliVolt
)

// Times of a conversion: 1/475 s, and 10 % more; then it is asked for until the bound.
const (
	converting = 2400 * time.Microsecond
	again      = 500 * time.Microsecond
	bound      = 10 * time.Millisecond
)

// round is how often each channel is measured. Four channels take 16 ms on a bus of 100 kHz.
const round = 20 * time.Millisecond

// The pauses between attempts to bring the chip back: the first, which is then doubled, and the longest.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// Channel is one supervised input.
type Channel struct {
	ID       string // of the input, in its signals; empty: the channel is not used
	Loop     Loop
	Debounce time.Duration // 20 … 200 ms; 0: DefaultDebounce
}

// Dev is one ADS1115: the bridge.Source of its inputs.
type Dev struct {
	id    string
	bus   i2c.Dev
	loops []*loop
}

type loop struct {
	Channel
	number int
	watch  watch
	dead   bool // the chip failed: that was told, and no state since
	online bool
}

// New makes the source of the ADS1115 at addr, 0x48 … 0x4B, with the channels AIN0 … AIN3. It does not touch the bus.
func New(id string, bus i2c.Bus, addr uint16, channels [4]Channel) (*Dev, error) {
	d := &Dev{id: id, bus: i2c.Dev{Bus: bus, Addr: addr}}
	if addr < firstAddress || addr > lastAddress {
		return nil, fmt.Errorf("ads1115: %s: address 0x%02x; the chip has 0x%02x … 0x%02x, by its pin ADDR", id, addr,
			firstAddress, lastAddress)
	}
	for number, c := range channels {
		if c.ID == "" {
			continue
		}
		if c.Debounce == 0 {
			c.Debounce = DefaultDebounce
		}
		var err error
		if c.Loop, err = c.Loop.complete(); err == nil && (c.Debounce < DefaultDebounce || c.Debounce > 10*DefaultDebounce) {
			err = fmt.Errorf("debounce %v; expected %v … %v", c.Debounce, DefaultDebounce, 10*DefaultDebounce)
		}
		if err != nil {
			return nil, fmt.Errorf("ads1115: %s: input %s: %w", id, c.ID, err)
		}
		d.loops = append(d.loops, &loop{Channel: c, number: number, watch: watch{bands: *c.Loop.Bands, wait: c.Debounce}})
	}
	if len(d.loops) == 0 {
		return nil, fmt.Errorf("ads1115: %s: no channel has an input; expected 1 … 4", id)
	}
	return d, nil
}

// ID is the chip's ID. Its signals have those of the inputs.
func (d *Dev) ID() string { return d.id }

// Run measures the channels in turn until ctx is done; it returns nil then. Of each input it says that it is online, then
// its level as found, then one bridge.Level a change; when its loop has a fault, or the chip fails, that it is offline,
// once per cause, and when that is over that it is online, and its level as found.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	retry, due := firstRetry, time.Now()
	for {
		err := d.measure(ctx, out)
		if ctx.Err() != nil {
			return nil
		}
		due = due.Add(round)
		if now := time.Now(); due.Before(now) {
			due = now
		}
		pause := time.Until(due)
		if err == nil {
			retry = firstRetry
		} else {
			d.fail(ctx, out, fmt.Errorf("ads1115: %s: %w", d.id, err))
			pause, retry = retry, min(2*retry, lastRetry)
		}
		if !poll.Sleep(ctx, pause) {
			return nil
		}
	}
}

func (d *Dev) measure(ctx context.Context, out chan<- bridge.Signal) error {
	for _, l := range d.loops {
		v, err := d.convert(ctx, l.number)
		if err != nil {
			return err
		}
		if s, news := l.watch.sample(time.Now(), v); news {
			d.tell(ctx, out, l, s, v)
		}
	}
	return nil
}

// tell sends the state of a loop that is news.
func (d *Dev) tell(ctx context.Context, out chan<- bridge.Signal, l *loop, s state, v physic.ElectricPotential) {
	first := !l.online
	l.online, l.dead = s == normal || s == active, false
	if !l.online {
		send(ctx, out, l.ID, l.watch.since, bridge.Health{Cause: fmt.Sprintf("ads1115: %s: channel %d: %s", d.id, l.number,
			l.Loop.fault(s, v))})
		return
	}
	if first {
		send(ctx, out, l.ID, time.Now(), bridge.Health{Online: true})
	}
	send(ctx, out, l.ID, l.watch.since, bridge.Level{Active: s == active, First: first})
}

// fail tells of all inputs that the chip failed. Their states begin anew.
func (d *Dev) fail(ctx context.Context, out chan<- bridge.Signal, err error) {
	for _, l := range d.loops {
		if !l.dead {
			send(ctx, out, l.ID, time.Now(), bridge.Health{Cause: err.Error()})
		}
		l.dead, l.online = true, false
		l.watch.told, l.watch.last = unknown, unknown
	}
}

// convert measures one channel. The configuration is written for each conversion and read back after it, so that the
// result is that of this channel.
func (d *Dev) convert(ctx context.Context, channel int) (physic.ElectricPotential, error) {
	want := uint16(single | fromAIN0 + channel*toNext | gain | singleOne | rate | noCompare)
	if err := d.tx([]byte{config, byte(want >> 8), byte(want)}, nil); err != nil {
		return 0, fmt.Errorf("begin of a conversion: %w", err)
	}
	begun := time.Now()
	for pause := converting; ; pause = again {
		if !poll.Sleep(ctx, pause) {
			return 0, ctx.Err()
		}
		got, err := d.read(config)
		switch {
		case err != nil:
			return 0, fmt.Errorf("configuration: %w", err)
		case got|single != want:
			return 0, fmt.Errorf("configuration reads back 0x%04x, expected 0x%04x: the chip lost its power, or another one is "+
				"at its address", got|single, want)
		case got&single != 0:
			raw, err := d.read(conversion)
			if err != nil {
				return 0, fmt.Errorf("result: %w", err)
			}
			return physic.ElectricPotential(int16(raw)) * fullScale / (1 << 15), nil
		case time.Since(begun) > bound:
			return 0, fmt.Errorf("no result after %v, expected one after 2.1 ms: the chip is broken", bound)
		}
	}
}

func (d *Dev) read(register byte) (uint16, error) {
	var raw [2]byte
	err := d.tx([]byte{register}, raw[:])
	return binary.BigEndian.Uint16(raw[:]), err
}

// tx makes a transaction once more when it fails: at hundreds a second, one that is disturbed is no news.
func (d *Dev) tx(w, r []byte) error {
	if d.bus.Tx(w, r) == nil {
		return nil
	}
	return d.bus.Tx(w, r)
}

func send(ctx context.Context, out chan<- bridge.Signal, id string, at time.Time, what any) {
	select {
	case out <- bridge.Signal{Device: id, At: at, What: what}:
	case <-ctx.Done():
	}
}

var _ bridge.Source = (*Dev)(nil)
