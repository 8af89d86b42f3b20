// Package trial runs a whole gateway without hardware and without a server: virtual wires, keys that it makes, and a
// policy of its own with a few cards to try. It is for a technician who learns, and for whoever writes a driver.
//
// It never talks to a broker, and its keys and cards open nothing else.
//
// Concurrency: Run starts the gateway, prints what it records, and obeys one command after the other. All has ended when it
// returns, but for a Read of Config.In that waits: its next line is lost.
package trial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/sim"
	"kapija/gateway"
	"kapija/gateway/local"
	"kapija/internal/event"
	"kapija/internal/site"
)

// Config is the gateway that is tried.
type Config struct {
	District *site.District
	Building *site.Building
	Gateway  *site.Gateway
	Wiring   *site.Wiring // nil: every device on lines
	Dir      string       // for everything; short enough for a socket's path
	Local    string       // address of the gateway's own page; empty: none

	Unboxed   bool // OSDP readers have no key yet
	WiresOnly bool // no gateway: the wires alone, and their serial ports for another process

	In      io.Reader // commands, one a line; its end is no end
	Out     io.Writer
	Log     *slog.Logger
	Version string
}

// Run runs until ctx is done, or until the command quit.
func Run(ctx context.Context, c Config) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys := filepath.Join(c.Dir, "keys")
	made, err := makeKeys(keys)
	if err != nil {
		return err
	}
	known, err := secrets.Open(keys, filepath.Join(c.Dir, "readers"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, known.Close()) }()
	socket := filepath.Join(c.Dir, "wires.sock")
	wires, err := sim.Open(c.Gateway, &sim.Opts{Wiring: c.Wiring, Secrets: known, Unboxed: c.Unboxed, Socket: socket, Log: c.Log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wires.Close()) }()
	out := &printer{to: c.Out}
	c.welcome(out, socket)
	if c.WiresOnly {
		c.ports(out)
		go obey(ctx, cancel, wires, c.In, out)
		<-ctx.Done()
		return nil
	}
	samples, err := c.policy(made)
	if err != nil {
		return err
	}
	for _, s := range samples {
		out.line(fmt.Sprintf("  %-72s # %s", s.command, s.what))
	}
	go obey(ctx, cancel, wires, c.In, out)
	return gateway.Run(ctx, gateway.Config{
		Building: c.Building, Gateway: c.Gateway, Dir: filepath.Join(c.Dir, "data"), Keys: keys,
		Wires: wires, Rig: rig.Opts{Wiring: c.Wiring, Formats: c.District.Formats, Secrets: known},
		Version: c.Version, Log: c.Log, Local: local.Config{Addr: c.Local},
		Recorded: func(e event.Event) { out.line(e.At.In(c.Building.Location).Format("15:04:05.000") + "  " + words(e)) },
	})
}

func (c Config) welcome(out *printer, socket string) {
	out.line(fmt.Sprintf("%s/%s on virtual wires; everything is in %s", c.Building.ID, c.Gateway.ID, c.Dir))
	if c.Local != "" && !c.WiresOnly {
		out.line("the gateway's own page:  http://" + c.Local)
	}
	out.line("commands, typed here or sent with  echo COMMAND | nc -U " + socket + "   (help lists them, quit ends)")
}

// ports tells which serial ports another process may open: links beside the socket, one for each bus of readers.
func (c Config) ports(out *printer) {
	links, _ := filepath.Glob(filepath.Join(c.Dir, "wires.*.tty")) // its error is about the pattern alone
	for _, link := range links {
		out.line("  --port " + link)
	}
}

// obey gives each line of in to the wires, and prints the answer.
func obey(ctx context.Context, quit func(), wires *sim.Wires, in io.Reader, out *printer) {
	if in == nil {
		return
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() && ctx.Err() == nil {
		line := strings.TrimSpace(lines.Text())
		switch line {
		case "":
			continue
		case "quit", "exit":
			quit()
			return
		}
		answer, err := wires.Do(ctx, line)
		if err != nil {
			answer = "error: " + err.Error()
		}
		out.line(answer)
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil {
		out.line("error: no more commands are read: " + err.Error())
	}
}

// words is an event on one line.
func words(e event.Event) string {
	s := string(e.Kind)
	for _, part := range []struct{ name, value string }{
		{"door", e.Door}, {"side", string(e.Side)}, {"badge", e.Badge}, {"reason", string(e.Reason)}, {"cause", e.Cause},
	} {
		if part.value != "" {
			s += "  " + part.name + "=" + part.value
		}
	}
	if e.DecidedUs > 0 {
		s += fmt.Sprintf("  decided in %v", time.Duration(e.DecidedUs)*time.Microsecond)
	}
	return s
}

// printer prints whole lines.
type printer struct {
	mu sync.Mutex
	to io.Writer
}

func (p *printer) line(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.to, s)
}

// Folder makes a folder for a trial that nobody named, and says how to remove it.
func Folder() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "kapija-sim-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}
