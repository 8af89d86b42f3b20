// Package relay carries what gateways publish from MQTT into InfluxDB, and tells each gateway how far InfluxDB holds it.
//
// Nothing is lost: an MQTT message is acknowledged after InfluxDB has accepted its records or the dead-letter file has
// them (L43, L44), and a gateway's ack moves after that. Nothing is doubled: time and tags of a point follow from the
// record alone, so that a record that comes twice overwrites itself (L45). Nothing is missing in silence: sequence
// numbers and the hash chain are followed per gateway, and a gap that stays is named (L46).
//
// Who is right when they differ: InfluxDB. The relay keeps in the database itself, in measurement relay, how far each
// gateway is held, written after the records and before the ack is published. What is left of a wiped or restored
// database therefore says how much of it is left, and the ack goes back to there, whatever the broker has retained; a
// broker that lost its retained acks gets them again. The database is asked at the start, after each failure, before
// each new mark and every few seconds.
//
// What a gateway does in return: it keeps records until its ack covers them; it sends in order, from the ack on or from
// the oldest record that it still has; it starts again there after each connect, when the ack goes back, and when the
// ack has stood for a while below what it has sent. A batch that starts above ack+1 twice, the second time after the ack
// was published, is the proof that the gateway has nothing below it: the gap becomes a point of kind journal.gap in
// measurement gateway, with the fields from and to, and the ack moves over it. An event journal.dropped whose cause reads
// "audit 12-34: why", "telemetry 12-34: why" or "seq 12-34: why" (audit) says so at once.
//
// The relay never decides, never talks to a door, and keeps no state on its own disk but the dead letters. Any number may
// run at once, each with its own ClientID: they write the same points.
//
// Concurrency: Run's one goroutine owns all state; a second one publishes acks, the newest of each gateway. Bounded:
// 256 messages wait here, the rest at the broker; a write has at most 5,000 points; spans above a gap, chain breaks
// and dead letters are limited in number. When InfluxDB is away, Run takes nothing more and tries again.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kapija/internal/mqtt"
	"kapija/internal/site"
	"kapija/internal/topic"
)

// Config says where from and where to. MQTT, ClientID, Influx, DeadLetters and Site are needed.
type Config struct {
	MQTT       string // tcp://host:port
	Username   string
	Password   string
	ClientID   string // its own for each relay; the same again after a restart, so that the broker keeps its messages
	Influx     Influx
	Site       *site.District
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics

	// DeadLetters is a file for what cannot become a point: one JSON object a line, with time, topic, cause and the
	// payload in base64. It grows to 8 MB; four older ones are kept beside it.
	DeadLetters string
}

// Influx is the database.
type Influx struct {
	URL    string // http://host:8086
	Token  string // may be empty for InfluxDB 1.8 without authentication
	Org    string // empty for InfluxDB 1.8
	Bucket string // 1.8: database/retention policy
}

const (
	waiting    = 256 // messages taken from MQTT and not written yet
	maxPoints  = 5000
	linger     = 100 * time.Millisecond // how long the first record of a write waits for others
	saveEvery  = 250 * time.Millisecond // at most one mark and one ack of a gateway in that time
	checkEvery = 5 * time.Second        // how often an idle relay asks whether InfluxDB still holds its marks
)

// Run relays until ctx ends, and returns nil then. It returns an error at once when the configuration cannot work;
// a broker or a database that is away is waited for.
func Run(ctx context.Context, c Config) error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Site == nil {
		return errors.New("relay: no site configuration: load configs/district.yaml")
	}
	in := make(chan message, waiting)
	m, err := newMetrics(c.Registerer, func() float64 { return float64(len(in)) })
	if err != nil {
		return err
	}
	defer m.unregister(c.Registerer)
	dead, err := openLetters(c.DeadLetters)
	if err != nil {
		return err
	}
	defer dead.close()
	db, err := newStore(c.Influx, c.ClientID)
	if err != nil {
		return err
	}
	defer db.close()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	acks := newAcks()
	client, err := mqtt.Dial(mqtt.Config{
		URL: c.MQTT, ClientID: c.ClientID, Username: c.Username, Password: c.Password, Log: c.Log,
		OnConnect: func(*mqtt.Client) { acks.again() },
	})
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	defer client.Close()
	failed := make(chan error, 2)
	var work sync.WaitGroup
	work.Go(func() {
		filters := []string{topic.All(topic.Audit), topic.All(topic.Telemetry), topic.All(topic.Ack), topic.AllOccupancy()}
		err := client.Subscribe(ctx, filters, func(m mqtt.Message, ack func()) {
			select {
			case in <- message{Message: m, ack: ack, got: time.Now()}:
			case <-ctx.Done():
			}
		})
		if err != nil && ctx.Err() == nil {
			failed <- err
		}
	})
	work.Go(func() { acks.run(ctx, client) })
	work.Go(func() {
		newLoop(c.Site, db, dead, acks, m, c.Log).run(ctx, in)
		failed <- nil
	})
	err = <-failed
	cancel()
	work.Wait()
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}
