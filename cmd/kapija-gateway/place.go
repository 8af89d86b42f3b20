package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"syscall"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/board"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/sim"
	"kapija/firmware-bridge/technician"
	"kapija/internal/site"
)

// place is which gateway, on which wires: what every command needs that touches hardware.
type place struct {
	Site     string `help:"The district: buildings, doors, gateways." default:"configs/district.yaml" env:"KAPIJA_SITE" placeholder:"FILE"`
	Building string `help:"ID of the building." required:"" env:"KAPIJA_BUILDING"`
	Gateway  string `help:"ID of the gateway in that building." required:"" env:"KAPIJA_GATEWAY"`
	Wiring   string `help:"Which device is where on this board." env:"KAPIJA_WIRING" placeholder:"FILE"`
	Sim      string `help:"Virtual wires instead of a board, driven through this Unix socket; with --wiring, wired as that file says." placeholder:"SOCKET"`

	Capture string `help:"Folder for what passes over the buses of OSDP readers: a line a frame, without keys and cards. Off unless it is named." env:"KAPIJA_CAPTURE" placeholder:"DIR"`

	Data string `help:"Folder for journals, policy and readers' keys; this gateway's own." default:"/var/lib/kapija-gateway" env:"KAPIJA_DATA" placeholder:"DIR"`
	Keys string `help:"Folder with policy.pub, site.key and, for cards with secrets, cards.yaml." default:"/etc/kapija/keys" env:"KAPIJA_KEYS" placeholder:"DIR"`
}

// found is the gateway that a place names.
type found struct {
	district *site.District
	building *site.Building
	gateway  *site.Gateway
	wiring   *site.Wiring // nil: virtual wires, everything on lines
}

func (p *place) find() (f found, err error) {
	if p.Wiring == "" && p.Sim == "" {
		return f, errors.New("neither --wiring nor --sim: expected the wiring file of this board, or a socket for virtual wires")
	}
	if f.district, err = site.Load(p.Site); err != nil {
		return f, err
	}
	if f.building, f.gateway, err = find(f.district, p.Site, p.Building, p.Gateway); err != nil || p.Wiring == "" {
		return f, err
	}
	f.wiring, err = loadWiring(p.Wiring, f.district, p.Building, p.Gateway)
	return f, err
}

func loadWiring(path string, d *site.District, building, gateway string) (*site.Wiring, error) {
	w, err := site.LoadWiring(path, d)
	if err != nil {
		return nil, err
	}
	if w.Building != building || w.Gateway != gateway {
		return nil, fmt.Errorf("%s is the wiring of %s/%s, expected that of %s/%s; name the right file with --wiring",
			path, w.Building, w.Gateway, building, gateway)
	}
	return w, nil
}

// rig is how the devices are wired and what they need to know. Done is called when they have ended.
func (p *place) rig(f found) (o rig.Opts, done func() error, err error) {
	known, err := secrets.Open(p.Keys, filepath.Join(p.Data, readersDir))
	if err != nil {
		return o, nil, err
	}
	c := &captures{dir: p.Capture}
	o = rig.Opts{Wiring: f.wiring, Formats: f.district.Formats, Secrets: known, Capture: c.of}
	return o, func() error { return errors.Join(c.Close(), known.Close()) }, nil
}

// readersDir is the folder below the data folder with what is known of OSDP readers and cards.
const readersDir = "readers"

// wires opens the board's wires, or virtual ones.
func (p *place) wires(f found, o rig.Opts, log *slog.Logger) (bridge.Wires, error) {
	if p.Sim != "" {
		return sim.Open(f.gateway, &sim.Opts{Wiring: f.wiring, Socket: p.Sim, Secrets: o.Secrets, Log: log})
	}
	return board.Open(f.wiring)
}

// hands are the wires of a gateway in a technician's hands, who may break virtual ones first.
type hands struct {
	place
	Do []string `help:"A command for the virtual wires, obeyed before anything else; may be given again. 'help' lists them." placeholder:"COMMAND" sep:"none"`
}

// hold opens the wires and has use do something with them.
func (h *hands) hold(ctx context.Context, log *slog.Logger, use func(found, technician.Config) error) (err error) {
	f, err := h.find()
	if err != nil {
		return err
	}
	if err := owned(h.Data, os.Geteuid()); err != nil {
		return err
	}
	o, done, err := h.rig(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	w, err := h.place.wires(f, o, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := h.obey(ctx, w); err != nil {
		return err
	}
	return use(f, technician.Config{Gateway: f.gateway, Wires: w, Rig: o})
}

// owned keeps root from leaving files in a gateway's folder that the gateway, which is another user, could not read.
func owned(dir string, me int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil // it is made, or told later why not
	}
	of, ok := info.Sys().(*syscall.Stat_t)
	if !ok || me != 0 || of.Uid == 0 {
		return nil
	}
	name := fmt.Sprintf("#%d", of.Uid)
	if u, err := user.LookupId(name[1:]); err == nil {
		name = u.Username
	}
	return fmt.Errorf("%s belongs to %s, who could not read what root writes there: run this with  sudo -u %s", dir, name, name)
}

func (h *hands) obey(ctx context.Context, w bridge.Wires) error {
	virtual, ok := w.(*sim.Wires)
	if !ok && len(h.Do) > 0 {
		return errors.New("--do is for virtual wires: give --sim")
	}
	for _, line := range h.Do {
		if _, err := virtual.Do(ctx, line); err != nil {
			return fmt.Errorf("--do %q: %w", line, err)
		}
	}
	return nil
}
