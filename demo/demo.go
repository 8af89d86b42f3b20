// Package demo runs the whole system on one machine, on real parts, with made-up people: a real influxd, the server and
// every gateway of the configuration as processes of their own, on virtual wires. It first writes two weeks of history
// through the journals, then lives on from this moment.
//
// Each process may be killed; it is started again on its own folder, and nothing is lost. When this process ends, however
// it ends, the kernel ends the others.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"kapija/configs"
	"kapija/dashboard/live"
	"kapija/internal/influxd"
	"kapija/internal/site"
	"kapija/server"
)

// Config of a demo.
type Config struct {
	Dir     string  // everything is below it
	HTTP    string  // address of the dashboard
	MQTT    string  // address of the broker
	Influx  string  // address of influxd; or the URL of an InfluxDB 1.8 that runs already
	At      string  // simulated time of day at the start, such as 08:15
	Speed   float64 // simulated seconds in a second
	People  bool    // made-up people come and go; without them only what is done by hand happens
	Kapija  string  // path of the server's binary
	Gateway string  // path of the gateway's binary
	Out     io.Writer
	Log     *slog.Logger
}

const (
	adminUser    = "admin"
	tokenName    = "demo"
	sitFile      = "district.yaml"
	healthyLimit = 90 * time.Second
)

// demo is one run.
type demo struct {
	Config
	site   *site.District
	state  state
	people map[string][]*person // by building
	influx *influxd.Server

	mu       sync.Mutex
	manifest Manifest
	children []*child
}

// Run starts everything, says where to look, and returns when ctx is done and all has ended.
func Run(ctx context.Context, c Config) error {
	began := time.Now()
	d := &demo{Config: c, people: map[string][]*person{}}
	unlock, err := d.claim()
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.load(); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	defer func() {
		if d.influx != nil {
			_ = d.influx.Close() // after everything that writes to it
		}
	}()
	if err := d.start(gctx, g); err != nil {
		if ctx.Err() != nil { // stopped while starting
			err = nil
		}
		return errors.Join(err, stop(g))
	}
	d.welcome(time.Since(began))
	if c.People {
		if err := d.enliven(gctx, g); err != nil {
			return errors.Join(err, stop(g))
		}
	}
	err = g.Wait()
	d.say("Stopped. `make run` goes on where this ended.")
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// errStop ends everything that runs in a group.
var errStop = errors.New("stop")

func stop(g *errgroup.Group) error {
	g.Go(func() error { return errStop })
	if err := g.Wait(); !errors.Is(err, errStop) {
		return err
	}
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

// claim makes the folder and keeps other demos off it.
func (d *demo) claim() (unlock func(), err error) {
	if d.Dir, err = filepath.Abs(d.Dir); err == nil {
		err = os.MkdirAll(d.Dir, 0o700)
	}
	var lock *os.File
	if err == nil {
		lock, err = os.OpenFile(filepath.Join(d.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("demo: the folder %s cannot be used; choose a writable one with --data: %w", d.Dir, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("demo: another demo runs in %s; stop it, or choose another folder with --data", d.Dir)
	}
	for flag, addr := range map[string]string{"--http": d.HTTP, "--mqtt": d.MQTT, "--influx": d.Influx} {
		if strings.Contains(addr, "://") {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			_ = lock.Close()
			return nil, fmt.Errorf("demo: cannot listen on %s; stop the program that does, or choose another address with %s: %w", addr, flag, err)
		}
		_ = l.Close()
	}
	return func() { _ = lock.Close() }, nil
}

// load reads the configuration, which is a copy that may be changed, and what an earlier run left.
func (d *demo) load() (err error) {
	path := filepath.Join(d.Dir, sitFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(path, configs.District, 0o644); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	if d.site, err = site.Load(path); err != nil {
		return err
	}
	if err := d.layWires(); err != nil {
		return err
	}
	if d.manifest, err = readManifest(d.Dir); err != nil {
		return err
	}
	for _, b := range d.site.Buildings {
		d.people[b.ID] = populate(b, d.site.Formats)
		for _, g := range b.Gateways {
			if s := d.socket(b.ID, g.ID); len(s) > 107 {
				return fmt.Errorf("demo: the socket path %s has %d bytes, the system allows 107: choose a shorter folder with --data", s, len(s))
			}
		}
	}
	d.state, err = readState(d.Dir, time.Now(), d.site.Buildings[0].Location, d.At, d.Speed)
	return err
}

func (d *demo) gatewayDir(building, gateway string) string {
	return filepath.Join(d.Dir, "gateways", building+"-"+gateway)
}

func (d *demo) socket(building, gateway string) string {
	return filepath.Join(d.gatewayDir(building, gateway), "wires.sock")
}

func (d *demo) start(ctx context.Context, g *errgroup.Group) error {
	d.say("Kapija: two buildings in %s", d.Dir)
	if err := d.startInflux(ctx, g); err != nil {
		return err
	}
	keys, err := server.LoadKeys(filepath.Join(d.Dir, "server", server.KeysDir))
	if err != nil {
		return err
	}
	if err := d.seed(ctx, keys); err != nil {
		return err
	}
	counts, err := readCounts(calit2)
	if err != nil {
		return err
	}
	if err := d.writeHistory(ctx, counts); err != nil {
		return err
	}
	d.startServer(ctx, g)
	if err := d.healthy(ctx); err != nil {
		return err
	}
	for _, b := range d.site.Buildings {
		for _, gw := range b.Gateways {
			if err := keys.WriteGateway(filepath.Join(d.gatewayDir(b.ID, gw.ID), "keys")); err != nil {
				return err
			}
			d.startGateway(ctx, g, b.ID, gw.ID)
		}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	return d.ready(ctx)
}

// startInflux runs influxd and starts it again when it is killed.
func (d *demo) startInflux(ctx context.Context, g *errgroup.Group) error {
	if strings.Contains(d.Influx, "://") {
		d.manifest.Influx = Influx{URL: d.Influx, Bucket: influxd.Bucket}
		d.say("using InfluxDB at %s", d.Influx)
		return nil
	}
	conf := influxd.Config{Dir: filepath.Join(d.Dir, "influxdb"), Addr: d.Influx, Progress: d.Out, Log: d.Log}
	var err error
	if conf.Binary, err = influxd.Binary(ctx, d.Out); err != nil {
		return err
	}
	if d.influx, err = influxd.Start(ctx, conf); err != nil {
		return err
	}
	d.manifest.Influx = Influx{URL: d.influx.URL, Bucket: d.influx.Bucket, Token: d.influx.Token, Org: d.influx.Org}
	d.say("influxd runs at %s", d.influx.URL)
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-d.influx.Exited():
			}
			d.say("influxd has ended; starting it again")
			s, err := influxd.Start(ctx, conf)
			if err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			d.mu.Lock()
			d.influx = s
			d.mu.Unlock()
			d.publish()
		}
	})
	return nil
}

func (d *demo) startServer(ctx context.Context, g *errgroup.Group) {
	b := d.site.Buildings[0]
	d.run(ctx, g, &child{name: "server", argv: []string{
		d.Kapija, "serve", "--site", filepath.Join(d.Dir, sitFile), "--data", filepath.Join(d.Dir, "server"),
		"--http", d.HTTP, "--mqtt", d.MQTT, "--influx-url", d.manifest.Influx.URL, "--influx-bucket", d.manifest.Influx.Bucket,
		"--day-start", d.state.Line.dayStart(b.Location).String(),
	}})
}

func (d *demo) startGateway(ctx context.Context, g *errgroup.Group, building, gateway string) {
	dir := d.gatewayDir(building, gateway)
	d.run(ctx, g, &child{name: building + "-" + gateway, argv: []string{
		d.Gateway, "run", "--site", filepath.Join(d.Dir, sitFile), "--building", building, "--gateway", gateway,
		"--sim", d.socket(building, gateway), "--wiring", d.wiring(building, gateway), "--data", dir, "--keys", filepath.Join(dir, "keys"), "--mqtt", "tcp://" + d.MQTT,
	}})
}

func (d *demo) run(ctx context.Context, g *errgroup.Group, c *child) {
	c.log, c.say, c.started = filepath.Join(d.Dir, "log", c.name+".log"), d.Out, d.publish
	d.mu.Lock()
	d.children = append(d.children, c)
	d.mu.Unlock()
	g.Go(func() error { return c.run(ctx) })
}

// enliven lets the made-up people come and go.
func (d *demo) enliven(ctx context.Context, g *errgroup.Group) error {
	counts, err := readCounts(calit2)
	if err != nil {
		return err
	}
	present := d.watch(ctx, g)
	for _, b := range d.site.Buildings {
		t := &town{
			b: b, people: d.people[b.ID], real: counts, line: d.state.Line, log: d.Log,
			socket: func(gateway string) string { return d.socket(b.ID, gateway) },
			counts: func() []live.Zone { return present(b.ID) },
		}
		g.Go(func() error { return t.run(ctx) })
	}
	return nil
}

func (d *demo) welcome(took time.Duration) {
	sim := d.state.Line.sim(time.Now()).In(d.site.Buildings[0].Location)
	d.say(`
  dashboard   %s
  log in      %s / %s
  by hand     %s: badges to try, wires, tokens
  simulated   %s, times %g
  ready after %s

Ctrl-C stops everything.`, d.manifest.HTTP, d.manifest.User, d.manifest.Password, filepath.Join(d.Dir, manifestFile),
		sim.Format("Monday 15:04"), d.state.Line.Speed, took.Round(100*time.Millisecond))
}
