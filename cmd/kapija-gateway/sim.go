package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"kapija/configs"
	"kapija/gateway/trial"
	"kapija/internal/site"
)

type simCmd struct {
	Site     string `help:"The district. Left out: a technician's bench with one of everything." placeholder:"FILE"`
	Building string `help:"ID of the building." default:"bench"`
	Gateway  string `help:"ID of the gateway in that building." default:"gw-bench"`
	Wiring   string `help:"How the virtual wires are laid; with --site: left out, every device is on lines." placeholder:"FILE"`

	Data      string `help:"Folder for everything; left out: one that is removed at the end." placeholder:"DIR"`
	Local     string `help:"Show the gateway's own page on this address, such as 127.0.0.1:8081." placeholder:"HOST:PORT"`
	Unboxed   bool   `help:"OSDP readers come without a key, to try osdp pair."`
	WiresOnly bool   `help:"Only the wires, no gateway: try osdp scan, pair, info and update on the serial ports that are printed."`
}

// Run runs a gateway on virtual wires, and obeys the commands that are typed.
func (c *simCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	if c.Site == "" && c.Wiring != "" {
		return errors.New("--wiring without --site: the bench brings its own wiring; name the district that this one belongs to")
	}
	dir := c.Data
	if dir == "" {
		made, remove, err := trial.Folder()
		if err != nil {
			return err
		}
		dir = made
		defer func() { err = errors.Join(err, remove()) }()
	}
	if err := c.files(dir); err != nil {
		return err
	}
	district, err := site.Load(c.Site)
	if err != nil {
		return err
	}
	t := trial.Config{District: district, Dir: dir, Local: c.Local, Unboxed: c.Unboxed, WiresOnly: c.WiresOnly,
		In: os.Stdin, Out: out, Log: log, Version: version}
	if t.Building, t.Gateway, err = find(district, c.Site, c.Building, c.Gateway); err != nil {
		return err
	}
	if c.Wiring != "" {
		if t.Wiring, err = loadWiring(c.Wiring, district, c.Building, c.Gateway); err != nil {
			return err
		}
	}
	return trial.Run(ctx, t)
}

// files writes the bench that is used when nobody names a site.
func (c *simCmd) files(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if c.Site != "" {
		return nil
	}
	c.Site, c.Wiring = filepath.Join(dir, "bench.yaml"), filepath.Join(dir, "wiring.yaml")
	wiring, err := configs.Gateways.ReadFile("gateways/bench-gw-bench.yaml")
	return errors.Join(err, os.WriteFile(c.Site, configs.Bench, 0o644), os.WriteFile(c.Wiring, wiring, 0o644))
}
