package mqtt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kapija/internal/broker"
)

func start(t *testing.T, dir, addr string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(broker.Config{Addr: addr, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func dial(t *testing.T, c Config) *Client {
	t.Helper()
	cl, err := Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func up(t *testing.T, c *Client) {
	t.Helper()
	select {
	case <-c.Up():
	case <-time.After(20 * time.Second):
		t.Fatal("no connection")
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// received collects messages with their acknowledgements.
type received struct {
	mu   sync.Mutex
	msgs []string
	acks []func()
	more chan struct{}
}

func newReceived() *received { return &received{more: make(chan struct{}, 1000)} }

func (r *received) handle(m Message, ack func()) {
	r.mu.Lock()
	r.msgs, r.acks = append(r.msgs, string(m.Payload)), append(r.acks, ack)
	r.mu.Unlock()
	r.more <- struct{}{}
}

func (r *received) wait(t *testing.T, n int) []string {
	t.Helper()
	for {
		r.mu.Lock()
		got := slices.Clone(r.msgs)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-r.more:
		case <-time.After(20 * time.Second):
			t.Fatalf("got %d messages, want %d: %q", len(got), n, got)
		}
	}
}

func TestUnacknowledgedMessagesComeAgain(t *testing.T) {
	b := start(t, t.TempDir(), "127.0.0.1:0")
	sender := dial(t, Config{URL: b.URL(), ClientID: "sender", Clean: true})
	up(t, sender)

	first, err := Dial(Config{URL: b.URL(), ClientID: "receiver"})
	if err != nil {
		t.Fatal(err)
	}
	got := newReceived()
	if err := first.Subscribe(soon(t), []string{"a/+"}, got.handle); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := sender.Publish(soon(t), Message{Topic: "a/b", Payload: fmt.Appendf(nil, "%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if msgs := got.wait(t, 4); !slices.Equal(msgs, []string{"0", "1", "2", "3"}) {
		t.Errorf("order of arrival: %q", msgs)
	}
	// 2 and 3 are done, 1 is not: the broker may hear of 0 only.
	got.acks[0]()
	got.acks[3]()
	got.acks[2]()
	first.Close()

	second := dial(t, Config{URL: b.URL(), ClientID: "receiver"})
	again := newReceived()
	if err := second.Subscribe(soon(t), []string{"a/+"}, again.handle); err != nil {
		t.Fatal(err)
	}
	if msgs := again.wait(t, 3); !slices.Equal(msgs[:3], []string{"1", "2", "3"}) {
		t.Errorf("delivered again: %q, want 1 2 3", msgs)
	}
}

// L42: a publication that failed is an error, never a delivery.
func TestL42PublishWithoutBrokerFails(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, "127.0.0.1:0")
	c := dial(t, Config{URL: b.URL(), ClientID: "c", Clean: true})
	up(t, c)
	if err := c.Publish(soon(t), Message{Topic: "a", Payload: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	for soon := soon(t); c.Connected(); {
		select {
		case <-soon.Done():
			t.Fatal("the loss was not noticed")
		default:
		}
	}
	if err := c.Publish(soon(t), Message{Topic: "a"}); !errors.Is(err, ErrNotConnected) {
		t.Errorf("publish without a broker: %v, want %v", err, ErrNotConnected)
	}
	start(t, dir, strings.TrimPrefix(b.URL(), "tcp://"))
	up(t, c)
	if err := c.Publish(soon(t), Message{Topic: "a", Payload: []byte("2")}); err != nil {
		t.Errorf("publish after the broker came back: %v", err)
	}
}

// A broker that takes the message and never answers must not keep a sender for ever.
func TestL42NoAnswerIsNotDelivery(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 1024)
				conn.Read(buf)
				conn.Write([]byte{0x20, 2, 0, 0}) // CONNACK, accepted
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	c := dial(t, Config{URL: "tcp://" + l.Addr().String(), ClientID: "c", Clean: true})
	up(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if err := c.Publish(ctx, Message{Topic: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestSubscriptionsSurviveTheBroker(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, "127.0.0.1:0")
	c := dial(t, Config{URL: b.URL(), ClientID: "c", Clean: true})
	got := newReceived()
	if err := c.Subscribe(soon(t), []string{"a"}, func(m Message, ack func()) { ack(); got.handle(m, nil) }); err != nil {
		t.Fatal(err)
	}
	if err := c.Subscribe(soon(t), []string{"b"}, nil); err == nil {
		t.Error("a second Subscribe was taken")
	}
	b.Close()
	start(t, dir, strings.TrimPrefix(b.URL(), "tcp://"))
	other := dial(t, Config{URL: b.URL(), ClientID: "other", Clean: true})
	up(t, other)
	up(t, c)
	// The subscription is made again a moment after the connection: a retained message arrives either way.
	if err := other.Publish(soon(t), Message{Topic: "a", Payload: []byte("x"), Retained: true}); err != nil {
		t.Fatal(err)
	}
	got.wait(t, 1)
}

// Whoever subscribes while retained messages are being published has each of them in the end.
func TestNoRetainedMessageIsMissed(t *testing.T) {
	b := start(t, t.TempDir(), "127.0.0.1:0")
	sender := dial(t, Config{URL: b.URL(), ClientID: "sender", Clean: true})
	up(t, sender)
	const topics = 200
	published := make(chan error, 1)
	go func() {
		for i := range topics {
			if err := sender.Publish(soon(t), Message{Topic: fmt.Sprintf("p/%d", i), Payload: []byte("x"), Retained: true}); err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	var seen sync.Map
	all := make(chan struct{})
	var n atomic.Int64
	for i := range 5 { // at different moments of the publishing
		c := dial(t, Config{URL: b.URL(), ClientID: fmt.Sprintf("receiver-%d", i), Retained: true})
		err := c.Subscribe(soon(t), []string{"p/+"}, func(m Message, ack func()) {
			ack()
			if _, again := seen.LoadOrStore(fmt.Sprint(i, m.Topic), true); !again && n.Add(1) == 5*topics {
				close(all)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	select {
	case <-all:
	case <-time.After(20 * time.Second):
		t.Errorf("%d of %d deliveries", n.Load(), 5*topics)
	}
}

func TestWillIsPublishedWhenTheConnectionBreaks(t *testing.T) {
	b := start(t, t.TempDir(), "127.0.0.1:0")
	watcher := dial(t, Config{URL: b.URL(), ClientID: "w", Clean: true})
	got := newReceived()
	if err := watcher.Subscribe(soon(t), []string{"state"}, func(m Message, ack func()) { ack(); got.handle(m, nil) }); err != nil {
		t.Fatal(err)
	}
	will := &Message{Topic: "state", Payload: []byte("gone"), Retained: true}
	cable := newCable(t, strings.TrimPrefix(b.URL(), "tcp://"))
	c := dial(t, Config{URL: "tcp://" + cable.Addr().String(), ClientID: "c", Clean: true, Will: will})
	up(t, c)
	cable.Close()
	if msgs := got.wait(t, 1); msgs[0] != "gone" {
		t.Errorf("got %q", msgs)
	}
}

// cable is a connection that can be cut: closing it breaks everything that goes through.
type cable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newCable(t *testing.T, to string) *cable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l}
	t.Cleanup(func() { c.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				return
			}
			c.mu.Lock()
			c.conns = append(c.conns, in, out)
			c.mu.Unlock()
			go io.Copy(in, out)
			go io.Copy(out, in)
		}
	}()
	return c
}

func (c *cable) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	return c.Listener.Close()
}

func TestBadConfiguration(t *testing.T) {
	for _, c := range []Config{{ClientID: "c"}, {URL: "localhost:1883", ClientID: "c"}, {URL: "tcp://localhost:1883"}} {
		if _, err := Dial(c); err == nil || !strings.HasPrefix(err.Error(), "mqtt: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := Dial(Config{URL: "user:secret@host"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the password: %v", err)
	}
}
