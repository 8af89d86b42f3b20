// Package uplink carries a gateway's journals to the MQTT broker and brings back what the relay has stored and what the
// gateway shall decide by. It never decides, never touches a lock, and the doors never wait for it (L16).
//
// # Order
//
// Audit events go before telemetry: a batch of readings starts only while the broker has every durable audit event.
// Within each journal batches go in order, one at a time, each starting after the broker has taken (PUBACK) the one before
// (L42). After each connect sending starts again behind what the relay has acknowledged; so it does when the ack goes
// back, because the database was wiped or restored.
//
// When the ack stands below what was sent for 30 s, the oldest batch is sent once more, and again after 1 min, 2 min
// … 15 min for as long as nothing moves: the relay may have lost it, may have to learn that nothing is left below it, or
// may be away, and then the broker must not fill up. When the ack has moved after that and stands again for 5 s,
// everything from there on is sent again. Records travel as the bytes in the journal; their identity makes a second
// delivery harmless (L45).
//
// # Bounds
//
// In flight are at most one batch of audit events (500 records, 256 kB before they are compressed), one of readings (500,
// 64 kB), one state and one reply. A
// broker that takes none of it for a minute is left and dialled again. An empty queue costs no work and no traffic but
// the state when the loop says so (it does when something changes and every 4 s), and every 30 s at least; at most once a
// second.
//
// # Concurrency
//
// Config.State is called from a goroutine of the uplink's, Config.Policy and Config.Command from another, one call at a time,
// in order of arrival; a message is acknowledged to the broker when they return. Replies to commands wait in a queue of 16
// for up to a minute, in which they are tried again; what does not fit is dropped, and logged.
package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

const (
	stateEvery  = 30 * time.Second
	stateAtMost = time.Second
	patience    = time.Minute      // for a PUBACK
	redial      = 30 * time.Second // after a broker that cannot be worked with
	farewell    = 2 * time.Second
)

// Config says what to carry and where. Gateway, URL, Audit, Telemetry and State are needed.
type Config struct {
	Gateway  topic.Gateway
	URL      string // tcp://host:port or ssl://host:port
	Username string
	Password string

	Audit     *journal.Journal
	Telemetry *journal.Journal

	State   func() event.State                 // Online is set here
	Changed <-chan struct{}                    // something in State changed; nil: never
	Policy  func(topic string, payload []byte) // a shard or the rules, as received; nil: ignored
	// Command is called with each message of the command topic, and returns the payload for the reply topic; nil: ignored.
	Command func(payload []byte, retained bool) (reply []byte)
	Log     *slog.Logger
}

// client is what the uplink needs of MQTT.
type client interface {
	// Publish returns nil after the broker's PUBACK, and mqtt.ErrNotConnected when the connection is lost.
	Publish(ctx context.Context, m mqtt.Message) error
	Subscribe(ctx context.Context, filters []string, handle func(m mqtt.Message, ack func())) error
	Close()
}

type dialer func(mqtt.Config) (client, error)

var errStuck = fmt.Errorf("uplink: the broker has not taken a message for %v", patience)

// Run carries until ctx is done and then says farewell. It returns an error only for an unusable configuration;
// everything else is tried again.
func Run(ctx context.Context, c Config) error {
	return run(ctx, c, func(m mqtt.Config) (client, error) { return mqtt.Dial(m) })
}

func run(ctx context.Context, c Config, dial dialer) error {
	if c.Audit == nil || c.Telemetry == nil || c.State == nil || c.Gateway.Building == "" || c.Gateway.Gateway == "" {
		return errors.New("uplink: the configuration needs Gateway, Audit, Telemetry and State")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for {
		err := session(ctx, c, dial)
		if ctx.Err() != nil {
			return nil
		}
		if errors.As(err, new(configError)) {
			return err
		}
		c.Log.Error("the broker cannot be worked with; dialling again", "error", err, "after", redial)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(redial):
		}
	}
}

type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

// session lives as long as one MQTT client, through many connections.
func session(ctx context.Context, c Config, dial dialer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	offline := mqtt.Message{Topic: topic.For(c.Gateway, topic.State), Payload: []byte(`{"online":false}`), Retained: true}
	in := newInbox(c)
	pump := newPump(c, in)
	birth := make(chan struct{}, 1)
	cl, err := dial(mqtt.Config{
		Retained: true, // policy
		URL:      c.URL, ClientID: "gw-" + c.Gateway.Building + "-" + c.Gateway.Gateway,
		Username: c.Username, Password: c.Password,
		Will: &offline, Log: c.Log,
		OnConnect: func(*mqtt.Client) {
			poke(pump.connected)
			poke(birth)
		},
	})
	if err != nil {
		return configError{fmt.Errorf("uplink: %w", err)}
	}

	var wg sync.WaitGroup
	wg.Go(func() {
		filters := []string{topic.For(c.Gateway, topic.Ack), topic.AllPolicy(c.Gateway), topic.For(c.Gateway, topic.Command)}
		if err := cl.Subscribe(ctx, filters, in.handle); err != nil {
			cancel(fmt.Errorf("uplink: subscribe: %w", err))
		}
	})
	wg.Go(func() { cancel(pump.run(ctx, cl)) })
	wg.Go(func() { cancel(tellState(ctx, c, cl, birth)) })
	wg.Go(func() { cancel(sendReplies(ctx, c, cl, in.replies)) })
	wg.Wait()

	last, done := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer done()
	_ = cl.Publish(last, offline) // a clean end suppresses the will
	cl.Close()
	return context.Cause(ctx)
}

// tellState publishes the state after each connect, when it changes, and every 30 s at least.
func tellState(ctx context.Context, c Config, cl client, birth <-chan struct{}) error {
	every := time.NewTicker(stateEvery)
	defer every.Stop()
	changed := c.Changed
	var soon <-chan time.Time // a change waits here
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-changed:
			if !ok {
				changed = nil
			} else if soon == nil {
				soon = time.After(time.Until(last.Add(stateAtMost)))
			}
			continue
		case <-soon:
		case <-birth:
		case <-every.C:
		}
		s := c.State()
		s.Online = true
		payload, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("uplink: state: %w", err)
		}
		soon, last = nil, time.Now()
		every.Reset(stateEvery)
		err = publish(ctx, cl, mqtt.Message{Topic: topic.For(c.Gateway, topic.State), Payload: payload, Retained: true})
		if errors.Is(err, errStuck) {
			return err
		}
	}
}

// publish waits for the PUBACK, or for the loss of the connection, but not for ever: MQTT allows no second attempt on one
// connection (3.1.1, 4.4), so that a broker that stays silent must be left.
func publish(ctx context.Context, cl client, m mqtt.Message) error {
	limited, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	err := cl.Publish(limited, m)
	if err != nil && context.Cause(limited) == errStuck {
		return errStuck
	}
	return err
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
