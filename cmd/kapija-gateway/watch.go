package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"kapija/firmware-bridge/technician"
)

type watchCmd struct {
	hands
	Edges bool `help:"Show each edge of a line too. A PIN can be read from them."`
	JSON  bool `help:"One JSON object a line." name:"json"`
}

// Run prints what the devices tell, a line each, until it is stopped. It shows cards: for a technician's screen only.
func (c *watchCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	return c.hold(ctx, log, func(_ found, at technician.Config) error {
		show := func(s technician.Seen) error { return printSeen(out, s) }
		if c.JSON {
			e := json.NewEncoder(out)
			show = func(s technician.Seen) error { return e.Encode(s) }
		}
		// A pipe that is full and that nobody reads holds this up: a second Ctrl-C ends it.
		defer context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })()
		err := technician.Watch(ctx, at, c.Edges, show)
		if errors.Is(err, syscall.EPIPE) { // whoever read it has seen enough
			return nil
		}
		return err
	})
}

func printSeen(out io.Writer, s technician.Seen) error {
	_, err := fmt.Fprintf(out, "%s  %-24s %s\n", s.At.Format("15:04:05.000"), s.Device, oneLine(s.Text))
	return err
}

type pulseCmd struct {
	hands
	Door string        `arg:"" help:"ID of the door."`
	For  time.Duration `help:"How long it is released." default:"3s"`
}

// Run releases the lock and locks it again.
func (c *pulseCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	if c.For <= 0 || c.For > longestPulse {
		return fmt.Errorf("--for is %v, expected more than 0 and at most %v", c.For, longestPulse)
	}
	return c.hold(ctx, log, func(f found, at technician.Config) error {
		d := f.building.Door(c.Door)
		if d == nil || d.Gateway != f.gateway.ID {
			return fmt.Errorf("door %q is not at gateway %s; its doors are %s", c.Door, f.gateway.ID,
				strings.Join(technician.Doors(f.building, f.gateway), ", "))
		}
		return technician.Pulse(ctx, at, d, c.For, func(line string) { fmt.Fprintln(out, line) })
	})
}

// longestPulse is how long a technician may leave a lock released by command.
const longestPulse = time.Minute
