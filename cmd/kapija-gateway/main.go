// Command kapija-gateway runs on a Raspberry Pi beside the doors: it reads badges, decides, drives the locks, keeps what
// happened on disk, and sends it on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

type cli struct {
	LogLevel slog.Level `help:"Least important level that is logged: DEBUG, INFO, WARN, ERROR." default:"INFO" env:"KAPIJA_LOG_LEVEL"`

	Run     runCmd     `cmd:"" help:"Run one gateway, on a board's wires or on virtual ones."`
	Check   checkCmd   `cmd:"" help:"Look at each configured device: does it answer, what is its level, what may be wrong."`
	Watch   watchCmd   `cmd:"" help:"Show live what readers, inputs, counters and sensors tell."`
	Pulse   pulseCmd   `cmd:"" help:"Release the lock of a door for some seconds."`
	Sim     simCmd     `cmd:"" help:"Run a whole gateway on virtual wires, without hardware, server or network."`
	OSDP    osdpCmd    `cmd:"" name:"osdp" help:"Care for the readers of an RS-485 bus: scan, info, pair, update, address."`
	Journal journalCmd `cmd:"" help:"Look into the journals of a gateway that is stopped."`
	Explain explainCmd `cmd:"" help:"Say step by step why a card opens a door, or does not."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "kapija-gateway: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	exited := errors.New("exited")
	parser, err := kong.New(&c, kong.Name("kapija-gateway"), kong.Description("Building access and IoT gateway: beside the doors."),
		kong.Writers(stdout, stderr), kong.UsageOnError(), kong.Exit(func(int) { panic(exited) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)))
	if err != nil {
		return err
	}
	defer func() { // --help has printed what it was asked for
		if p := recover(); p != nil && p != any(exited) {
			panic(p)
		}
	}()
	k, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return k.Run(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.LogLevel})))
}

type versionCmd struct{}

func (versionCmd) Run(out io.Writer) error {
	line := "kapija-gateway " + version
	if at := built(); !at.IsZero() {
		line += " of " + at.UTC().Format(time.DateOnly)
	}
	_, err := fmt.Fprintln(out, line)
	return err
}

// built is the date of the source that this was built from; zero when the build did not say.
func built() (at time.Time) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return at
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			at, _ = time.Parse(time.RFC3339, s.Value)
		}
	}
	return at
}
