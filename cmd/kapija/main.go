// Command kapija is the server: dashboard, relay and broker, the demo, and the tools of whoever runs them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

type cli struct {
	LogLevel slog.Level `help:"Least important level that is logged: DEBUG, INFO, WARN, ERROR." default:"INFO" env:"KAPIJA_LOG_LEVEL"`

	Serve   serveCmd   `cmd:"" help:"Run broker, relay and dashboard in one process."`
	Relay   relayCmd   `cmd:"" help:"Run one more relay beside a broker."`
	Demo    demoCmd    `cmd:"" help:"Run everything on this machine, with two buildings that live."`
	User    userCmd    `cmd:"" help:"Add users and set their passwords."`
	Token   tokenCmd   `cmd:"" help:"Make and revoke tokens for programs."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "kapija: %v\n", err)
		os.Exit(1)
	}
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c cli
	exited := errors.New("exited")
	parser, err := kong.New(&c, kong.Name("kapija"), kong.Description("Building access and IoT gateway: the server."),
		kong.Writers(stdout, stderr), kong.UsageOnError(), kong.Exit(func(int) { panic(exited) }))
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
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	slog.SetDefault(log)
	k.BindTo(ctx, (*context.Context)(nil))
	return k.Run(log, streams{stdin, stdout, stderr})
}

type versionCmd struct{}

func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, "kapija", version)
	return err
}
