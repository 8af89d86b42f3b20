package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/serialport"
	"kapija/internal/site"
)

type osdpCmd struct {
	Scan    scanCmd    `cmd:"" help:"Find the readers of a bus, at every address and speed."`
	Info    infoCmd    `cmd:"" help:"What a reader is and can do."`
	Pair    pairCmd    `cmd:"" help:"Give a reader a key of its own. It must be in install mode, or hold the key that is known here."`
	Update  updateCmd  `cmd:"" help:"Send a reader a file, its firmware as a rule."`
	Address addressCmd `cmd:"" help:"Give a reader another address and speed."`
}

// busPlace is where a bus is: the wiring's, or a serial port of this machine.
type busPlace struct {
	place
	Port string `help:"Serial port of the bus, in the place of the wiring's, such as /dev/ttyUSB0 or one that 'sim' prints." placeholder:"DEVICE"`
}

// open opens a bus. The gateway must not run: a port has one user.
func (b *busPlace) open(f found, o rig.Opts, bus string, log *slog.Logger) (bridge.Port, func() error, error) {
	v := f.wiring.Buses[bus]
	if b.Port != "" {
		p, err := serialport.Open(b.Port, v.Baud, &serialport.Opts{RS485: v.RTS})
		if err != nil {
			return nil, nil, err
		}
		return p, p.Close, nil
	}
	w, err := b.wires(f, o, log)
	if err != nil {
		return nil, nil, err
	}
	p, err := w.Serial(bus)
	if err != nil {
		return nil, nil, errors.Join(err, w.Close())
	}
	return p, func() error { return errors.Join(p.Close(), w.Close()) }, nil
}

func (b *busPlace) find() (found, error) {
	f, err := b.place.find()
	if err == nil && f.wiring == nil {
		err = errors.New("--wiring is missing: it says which readers are on which bus")
	}
	return f, err
}

type scanCmd struct {
	Port  string `help:"Serial port of the bus." required:"" placeholder:"DEVICE"`
	Bauds []int  `help:"Speeds to try; each takes half a minute, and those at which something answers go first." default:"9600,115200,38400,19200,57600,230400" placeholder:"BAUD,…"`
	JSON  bool   `help:"One JSON object a reader." name:"json"`
}

// Run prints each reader as it is found.
func (c *scanCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	port, err := serialport.Open(c.Port, c.Bauds[0], nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, port.Close()) }()
	n, tried, failed := 0, 0, error(nil)
	trying := func(baud int) {
		tried++
		log.Info("scanning", "port", c.Port, "baud", baud, "speed", fmt.Sprintf("%d of %d", tried, len(c.Bauds)), "takes", "35s")
	}
	err = osdp.Scan(ctx, port, c.Bauds, trying, func(f osdp.Found) {
		n++
		line := fmt.Sprintf("address %d at %d baud: %v, %s", f.Address, f.Baud, f.ID, secureWords(f.Secure))
		if c.JSON {
			b, _ := json.Marshal(map[string]any{"address": f.Address, "baud": f.Baud, "reader": f.ID.String(), "secure_channel": f.Secure})
			line = string(b)
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			failed = err
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	if n == 0 {
		return errors.New("no reader answered: look at its power, at A and B (swapped?), at the ground between them, and whether another program has the bus")
	}
	return nil
}

func secureWords(can bool) string {
	if can {
		return "has Secure Channel"
	}
	return "has NO Secure Channel"
}

// readerAt is one reader of the wiring.
type readerAt struct {
	busPlace
	Reader string `arg:"" help:"ID of the reader."`
}

// work opens the reader's bus and has use do something with the reader.
func (r *readerAt) work(log *slog.Logger, use func(f found, known *secrets.Store, port bridge.Port, t osdp.Target) error) (err error) {
	f, err := r.find()
	if err != nil {
		return err
	}
	v, ok := f.wiring.Readers[r.Reader]
	if !ok || v.OSDP == "" {
		return fmt.Errorf("reader %q is no OSDP reader of gateway %s; those are %s", r.Reader, f.gateway.ID, strings.Join(osdpReaders(f.wiring), ", "))
	}
	if err := owned(r.Data, os.Geteuid()); err != nil {
		return err
	}
	o, done, err := r.rig(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	t := osdp.Target{Address: byte(v.Address), Baud: f.wiring.Buses[v.OSDP].Baud, ClearText: v.Clear}
	p, err := o.Secrets.Reader(r.Reader)
	if err != nil && !errors.Is(err, secrets.ErrNotPaired) {
		return err
	}
	t.Key, t.Pending = p.Key, p.Pending
	if t.Key != nil || t.Pending != nil {
		t.ClearText = false
	}
	port, closer, err := r.open(f, o, v.OSDP, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer()) }()
	return use(f, o.Secrets, port, t)
}

func osdpReaders(w *site.Wiring) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(w.Readers)) {
		if w.Readers[id].OSDP != "" {
			ids = append(ids, id)
		}
	}
	if ids == nil {
		return []string{"none"}
	}
	return ids
}

type infoCmd struct{ readerAt }

// Run prints what the reader says of itself, and whether it proved that it is the one that is known.
func (c *infoCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	return c.work(log, func(_ found, known *secrets.Store, port bridge.Port, t osdp.Target) error {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		d, err := osdp.Info(ctx, port, t)
		if err != nil {
			return fmt.Errorf("reader %s at address %d: %w", c.Reader, t.Address, err)
		}
		proof := "in clear: it has not been paired"
		if d.Verified {
			proof = "over Secure Channel with its own key"
		}
		lines := []string{
			fmt.Sprintf("%s: address %d at %d baud, %s", c.Reader, t.Address, t.Baud, proof),
			"  " + d.ID.String(), "  " + secureWords(d.Caps.Secure()), fmt.Sprintf("  takes %d bytes at once", d.Caps.Receive()),
		}
		if p, err := known.Reader(c.Reader); err == nil && p.Key != nil && !p.ID.SameDevice(d.ID) {
			lines = append(lines, "  NOT the reader that was paired: "+p.ID.String())
		}
		_, err = fmt.Fprintln(out, strings.Join(lines, "\n"))
		return err
	})
}

// answerTime is how long a technician waits for a reader that does not answer.
const answerTime = 15 * time.Second

type updateCmd struct {
	readerAt
	File string `arg:"" help:"The file, as the reader's maker gave it." type:"existingfile"`
}

// largestFile is what a reader is sent, in bytes: at 9600 baud half an hour for a megabyte.
const largestFile = 4 << 20

// Run sends the file and shows how far it is.
func (c *updateCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	if info.Size() == 0 || info.Size() > largestFile {
		return fmt.Errorf("%s has %d bytes, expected 1 to %d", c.File, info.Size(), largestFile)
	}
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return c.work(log, func(_ found, _ *secrets.Store, port bridge.Port, t osdp.Target) error {
		began, told := time.Now(), -1
		err := osdp.Update(ctx, port, t, file, func(sent, total int) {
			if part := sent * 20 / max(total, 1); part != told {
				told = part
				fmt.Fprintf(out, "%s: %d of %d bytes, %d %%\n", c.Reader, sent, total, sent*100/max(total, 1))
			}
		})
		if err != nil {
			return fmt.Errorf("reader %s: %w", c.Reader, err)
		}
		_, err = fmt.Fprintf(out, "%s has the file after %v\n", c.Reader, time.Since(began).Round(time.Second))
		return err
	})
}

type addressCmd struct {
	readerAt
	Address uint8 `arg:"" help:"The new address: 0 to 126."`
	Baud    int   `help:"The new speed; left out: as now."`
}

// Run changes the reader, and says what to change in the wiring.
func (c *addressCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	return c.work(log, func(_ found, _ *secrets.Store, port bridge.Port, t osdp.Target) error {
		if c.Baud == 0 {
			c.Baud = t.Baud
		}
		ctx, cancel := context.WithTimeout(ctx, 2*answerTime)
		defer cancel()
		if err := osdp.SetComm(ctx, port, t, c.Address, c.Baud); err != nil {
			return fmt.Errorf("reader %s: %w", c.Reader, err)
		}
		_, err := fmt.Fprintf(out, "%s is now at address %d with %d baud: write that into the wiring file\n", c.Reader, c.Address, c.Baud)
		return err
	})
}
