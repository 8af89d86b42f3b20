// Package mqtt sets paho up in the one way that Kapija needs: QoS 1, manual acknowledgement in order of arrival,
// publications that are waited for, and reconnection for ever.
//
// Concurrency: a Client may be used from any goroutine. Handlers run one at a time, in order of arrival, in a goroutine
// of the client's; a slow handler delays the next message and nothing else. What waits for it is bounded by the broker,
// which sends no more than its window of unacknowledged messages. Acknowledgements that belong to a lost connection are
// dropped: the broker delivers those messages again.
package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

const qos = 1

// ErrNotConnected says that the client has no connection at the moment, or lost it before the broker answered. The
// message may or may not have arrived: publish it again.
var ErrNotConnected = errors.New("mqtt: not connected to the broker")

// Message is one MQTT message.
type Message struct {
	Topic     string
	Payload   []byte
	Retained  bool
	Duplicate bool
}

// Config says how to connect. The zero value of each field but URL and ClientID is usable.
type Config struct {
	URL      string // tcp://host:port, ssl://host:port, ws://…
	ClientID string // unique at the broker: two clients of one ID throw each other out
	Username string
	Password string
	TLS      *tls.Config
	Clean    bool     // true: the broker forgets subscriptions and waiting messages when the connection ends
	Will     *Message // published by the broker when the connection breaks

	// Retained: whoever subscribes while something is being published retained must have it in the end. The price is that
	// what waits in a persistent session may come late and out of order after a connect, once.
	Retained bool

	OnConnect func(*Client) // after each connect, in a goroutine of its own
	OnLost    func(error)   // after each loss
	Log       *slog.Logger
}

// Client is a connection that is kept up.
type Client struct {
	log   *slog.Logger
	paho  paho.Client
	in    *inbox
	times int // that a subscription is sent

	mu         sync.Mutex
	subscribed bool            // Subscribe was called
	filters    map[string]byte // what is subscribed again after each reconnect; read-only once set
	online     bool
	up         chan struct{} // closed while connected; replaced when the connection is lost
	lost       chan struct{} // closed when the present connection is lost
}

// Dial returns at once and connects in the background, again and again, with back-off and jitter, until Close.
// The error is about the configuration only.
func Dial(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("mqtt: broker address %q is not of the form tcp://host:port or ssl://host:port", redact(c.URL))
	}
	if c.ClientID == "" {
		return nil, errors.New("mqtt: the client ID is empty: the broker could not tell clients apart")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	cl := &Client{
		log: c.Log.With("broker", u.Host), in: newInbox(),
		up: make(chan struct{}), lost: make(chan struct{}), times: 1,
	}
	if c.Retained {
		cl.times = 2
	}
	o := paho.NewClientOptions().AddBroker(c.URL).SetClientID(c.ClientID).SetCleanSession(c.Clean).
		SetAutoAckDisabled(true).SetOrderMatters(true).SetDefaultPublishHandler(cl.in.put).
		SetConnectTimeout(5 * time.Second).SetWriteTimeout(10 * time.Second).
		SetKeepAlive(15 * time.Second).SetPingTimeout(5 * time.Second).
		SetAutoReconnect(true).SetMaxReconnectInterval(jitter(4 * time.Second)).
		SetConnectRetry(true).SetConnectRetryInterval(jitter(time.Second))
	if c.Username != "" {
		o.SetUsername(c.Username).SetPassword(c.Password)
	}
	if c.TLS != nil {
		o.SetTLSConfig(c.TLS)
	}
	if c.Will != nil {
		o.SetBinaryWill(c.Will.Topic, c.Will.Payload, qos, c.Will.Retained)
	}
	kept := newStore()
	o.SetStore(kept)
	// Called between two connections, when nothing of the old one can arrive any more.
	o.SetConnectionAttemptHandler(func(_ *url.URL, t *tls.Config) *tls.Config {
		cl.in.drop()
		kept.attempt()
		return t
	})
	o.SetOnConnectHandler(func(paho.Client) {
		kept.waitResumed()
		cl.connected()
		if c.OnConnect != nil {
			c.OnConnect(cl)
		}
	})
	o.SetConnectionLostHandler(func(_ paho.Client, err error) {
		cl.disconnected(err)
		if c.OnLost != nil {
			c.OnLost(err)
		}
	})
	cl.paho = paho.NewClient(o)
	cl.paho.Connect()
	return cl, nil
}

func (c *Client) connected() {
	c.mu.Lock()
	if !c.online { // paho starts a goroutine per callback: two may come out of order
		c.online = true
		close(c.up)
		c.lost = make(chan struct{})
	}
	filters := c.filters
	c.mu.Unlock()
	c.log.Info("connected to the broker")
	if len(filters) > 0 {
		if err := c.subscribe(context.Background(), filters, c.down()); err != nil {
			c.log.Warn("could not subscribe again", "error", err)
		}
	}
}

func (c *Client) disconnected(err error) {
	c.mu.Lock()
	if c.online {
		c.online = false
		close(c.lost)
		c.up = make(chan struct{})
	}
	c.mu.Unlock()
	c.log.Warn("lost the broker; connecting again", "error", err)
}

func (c *Client) down() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Up returns a channel that is closed while there is a connection.
func (c *Client) Up() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

// Connected reports whether there is a connection at this moment.
func (c *Client) Connected() bool { return c.paho.IsConnectionOpen() }

// Publish sends one message and waits until the broker has taken it (PUBACK). It fails at once with ErrNotConnected when
// there is no connection.
func (c *Client) Publish(ctx context.Context, m Message) error {
	c.mu.Lock()
	down, online := c.lost, c.online
	c.mu.Unlock()
	if !online || !c.paho.IsConnectionOpen() {
		return ErrNotConnected
	}
	return wait(ctx, c.paho.Publish(m.Topic, qos, m.Retained, m.Payload), down)
}

// Subscribe receives everything that matches one of filters, now and after each reconnect. It waits for a connection
// and for the broker's answer. handle is called in order of arrival; ack may be called later, from any goroutine, once:
// the client acknowledges in order of arrival whatever the order of the calls (MQTT 3.1.1, 4.6). It is called at most
// once per client.
func (c *Client) Subscribe(ctx context.Context, filters []string, handle func(m Message, ack func())) error {
	c.mu.Lock()
	again := c.subscribed
	c.subscribed = true
	c.mu.Unlock()
	if again {
		return errors.New("mqtt: subscribe was called twice on one client")
	}
	go c.in.serve(handle)
	sub := make(map[string]byte, len(filters))
	for _, f := range filters {
		sub[f] = qos
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.Up():
		}
		down := c.down()
		err := c.subscribe(ctx, sub, down)
		if errors.Is(err, ErrNotConnected) {
			continue
		}
		if err == nil && c.remember(sub, down) {
			continue // the connection was lost at that moment, and the new one does not know of it
		}
		return err
	}
}

// subscribe subscribes, and a second time when retained messages matter. A broker may collect the retained messages first
// and begin to deliver new ones afterwards, as nats-server does: what is published in between would be missed. The second
// time it delivers already, and sends the retained messages as they are by then.
func (c *Client) subscribe(ctx context.Context, filters map[string]byte, down <-chan struct{}) error {
	for range c.times {
		t := c.paho.SubscribeMultiple(filters, nil)
		if err := wait(ctx, t, down); err != nil {
			return err
		}
		if err := refused(t); err != nil {
			return err
		}
	}
	return nil
}

// remember has filters subscribed again after each reconnect. It reports whether the connection that they were
// subscribed on is gone already.
func (c *Client) remember(filters map[string]byte, down <-chan struct{}) (gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filters = filters
	select {
	case <-down:
		return true
	default:
		return false
	}
}

// refused turns a SUBACK's failure codes (0x80) into an error.
func refused(t paho.Token) error {
	st, ok := t.(*paho.SubscribeToken)
	if !ok {
		return nil
	}
	for f, code := range st.Result() {
		if code > 2 {
			return fmt.Errorf("mqtt: the broker refused the subscription to %q: check the user's permissions", f)
		}
	}
	return nil
}

// Close ends the connection cleanly: the will is not published. What is in flight gets a moment.
func (c *Client) Close() {
	c.paho.Disconnect(250)
	c.in.close()
}

// wait waits for a token, and gives up when the connection that it belongs to is gone.
func wait(ctx context.Context, t paho.Token, down <-chan struct{}) error {
	select {
	case <-t.Done():
		if err := t.Error(); err != nil {
			if errors.Is(err, paho.ErrNotConnected) {
				return ErrNotConnected
			}
			return fmt.Errorf("mqtt: %w", err)
		}
		return nil
	case <-down:
		return ErrNotConnected
	case <-ctx.Done():
		return ctx.Err()
	}
}

func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// redact hides what may be a password.
func redact(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return "…" + s[i:]
	}
	return s
}
