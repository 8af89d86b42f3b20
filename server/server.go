// Package server joins what runs in one server process: broker, relay, directory and dashboard. Run is the readable list
// of what is started, in order; everything ends when its context does.
package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/dashboard/history"
	"kapija/dashboard/live"
	"kapija/internal/broker"
	"kapija/internal/mqtt"
	"kapija/internal/site"
	"kapija/relay"
)

// Config is one server.
type Config struct {
	Site     *site.District
	Dir      string        // keys, directory, users, broker store, dead letters
	HTTP     string        // address of the dashboard
	MQTT     string        // address on which the embedded broker listens; or
	Broker   string        // URL of another MQTT 3.1.1 broker
	Username string        // at that broker
	Password string        //
	Users    []broker.User // of the embedded broker; needed beyond loopback
	Influx   relay.Influx
	DayStart time.Duration // after local midnight, when a building is taken to be empty
	TLS      bool          // a proxy in front speaks HTTPS
	Version  string
	Log      *slog.Logger

	// FirstPassword is told the first user and password when they are made, once.
	FirstPassword func(user, password string)
	// Ready is called when the dashboard answers; the address is the one that was bound.
	Ready func(http string)
}

// The files and folders below Config.Dir.
const (
	KeysDir       = "keys"
	DirectoryFile = "directory.db"
	UsersFile     = "users.db"
	BrokerDir     = "broker"
	DeadLetters   = "dead-letters.jsonl"
)

// Run starts everything and returns when ctx is done and all has ended, or when a part cannot go on.
func Run(ctx context.Context, c Config) error {
	keys, err := LoadKeys(filepath.Join(c.Dir, KeysDir))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.HTTP)
	if err != nil {
		return fmt.Errorf("server: the dashboard cannot listen on %s: is another program using it? choose another address with --http: %w", c.HTTP, err)
	}
	defer listener.Close()
	users, err := auth.Open(filepath.Join(c.Dir, UsersFile))
	if err != nil {
		return err
	}
	defer users.Close()
	if name, password, created, err := users.Bootstrap(ctx); err != nil {
		return err
	} else if created && c.FirstPassword != nil {
		c.FirstPassword(name, password)
	}
	people, err := directory.Open(filepath.Join(c.Dir, DirectoryFile), keys.Site, c.Site)
	if err != nil {
		return err
	}
	defer people.Close()
	if c.Broker == "" {
		b, err := broker.Start(broker.Config{Addr: c.MQTT, Dir: filepath.Join(c.Dir, BrokerDir), Users: c.Users, Log: c.Log})
		if err != nil {
			return err
		}
		defer b.Close()
		c.Broker = b.URL()
	}
	past := history.New(history.Config(c.Influx))
	defer past.Close()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	hub := live.New(live.Config{Site: c.Site, DayStart: c.DayStart, Past: past, Log: c.Log})

	connected := make(chan struct{}, 1)
	client, err := mqtt.Dial(mqtt.Config{
		URL: c.Broker, ClientID: "dashboard-" + random(), Username: c.Username, Password: c.Password, Clean: true, Retained: true, Log: c.Log,
		OnConnect: func(*mqtt.Client) {
			select {
			case connected <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	defer client.Close()

	app := dashboard(c, parts{users, people, past, hub, client, metrics})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return relay.Run(ctx, relay.Config{
			MQTT: c.Broker, Username: c.Username, Password: c.Password, ClientID: "relay", Influx: c.Influx,
			DeadLetters: filepath.Join(c.Dir, DeadLetters), Site: c.Site, Registerer: metrics, Log: c.Log,
		})
	})
	g.Go(func() error { return listen(ctx, client, hub, c.Log) })
	g.Go(func() error { return hub.Run(ctx, client) })
	g.Go(func() error { return people.Serve(ctx, keys.Policy, client, connected) })
	g.Go(func() error { return serve(ctx, app, listener, hub, c.Ready) })
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// listen hands everything that gateways say to the live view. What it cannot read is the relay's to keep.
func listen(ctx context.Context, client *mqtt.Client, hub *live.Hub, log *slog.Logger) error {
	err := client.Subscribe(ctx, live.Topics(), func(m mqtt.Message, ack func()) {
		defer ack()
		if err := hub.Handle(m); err != nil {
			log.Warn("a message was not understood; the relay keeps it", "error", err)
		}
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("server: live view: %w", err)
	}
	<-ctx.Done()
	return nil
}

// random tells dashboards of one broker apart.
func random() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
