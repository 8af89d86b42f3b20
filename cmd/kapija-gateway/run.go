package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"kapija/gateway"
	"kapija/gateway/local"
	"kapija/internal/site"
)

type runCmd struct {
	place
	MQTT string `help:"Broker: tcp://host:port or ssl://host:port. User and password come from KAPIJA_MQTT_USER and KAPIJA_MQTT_PASSWORD." name:"mqtt" default:"tcp://127.0.0.1:1883" env:"KAPIJA_MQTT" placeholder:"URL"`

	Local        string `help:"Show this gateway's own page on this address, such as 127.0.0.1:8081; on an address that others reach, only together with --local-pin-file. Off by default." env:"KAPIJA_LOCAL" placeholder:"HOST:PORT"`
	LocalPINFile string `help:"File with the PIN of the local page, at least six characters, readable by its owner alone." name:"local-pin-file" env:"KAPIJA_LOCAL_PIN_FILE" placeholder:"FILE"`
}

// settled is when everything has run once: devices, uplink, the first state.
const settled = 15 * time.Second

// Run starts the gateway: site, wires, then everything that package gateway lists.
func (r *runCmd) Run(ctx context.Context, log *slog.Logger) (err error) {
	debug.SetGCPercent(gcPercentStart)
	runtime.GOMAXPROCS(min(processors, runtime.GOMAXPROCS(0)))

	if err := checkBroker(r.MQTT); err != nil {
		return err
	}
	f, err := r.find()
	if err != nil {
		return err
	}
	devices, done, err := r.rig(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	wires, err := r.wires(f, devices, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wires.Close()) }()

	page := local.Config{Addr: r.Local}
	if r.LocalPINFile != "" {
		if page.PIN, err = local.ReadPIN(r.LocalPINFile); err != nil {
			return err
		}
	}
	systemd := notifier(log)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer systemd.say("STOPPING=1")
	return gateway.Run(ctx, gateway.Config{
		Building: f.building, Gateway: f.gateway, Dir: r.Data, Keys: r.Keys,
		MQTT: r.MQTT, Username: os.Getenv("KAPIJA_MQTT_USER"), Password: os.Getenv("KAPIJA_MQTT_PASSWORD"),
		Wires: wires, Rig: devices, Version: version, Built: built(), Log: log, Local: page, Reload: r.reloads(ctx, systemd, log),
		Ready: func() {
			releaseMemory()
			time.AfterFunc(settled, releaseMemory)
			systemd.say("READY=1")
		},
		Alive: func() { systemd.say("WATCHDOG=1") },
	})
}

// find looks a gateway up, or says which there are.
func find(d *site.District, file, building, gateway string) (*site.Building, *site.Gateway, error) {
	b := d.Building(building)
	if b == nil {
		return nil, nil, fmt.Errorf("%s holds no building %q; known are %s", file, building,
			ids(d.Buildings, func(b *site.Building) string { return b.ID }))
	}
	g := b.Gateway(gateway)
	if g == nil {
		return nil, nil, fmt.Errorf("building %s has no gateway %q; known are %s", b.ID, gateway,
			ids(b.Gateways, func(g *site.Gateway) string { return g.ID }))
	}
	return b, g, nil
}

func checkBroker(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme == "" {
		return errors.New("--mqtt is not the address of a broker; expected is tcp://host:port or ssl://host:port")
	}
	if u.User != nil {
		return errors.New("--mqtt holds a user, which every process list shows; set KAPIJA_MQTT_USER and KAPIJA_MQTT_PASSWORD instead")
	}
	return nil
}

func ids[T any](all []T, id func(T) string) string {
	var s []string
	for _, v := range all {
		s = append(s, id(v))
	}
	return strings.Join(s, ", ")
}
