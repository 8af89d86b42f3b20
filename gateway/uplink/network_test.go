package uplink

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/broker"
	"kapija/internal/event"
	"kapija/internal/mqtt"
)

// real is an uplink over a real broker, with two journals.
type real struct {
	audit, telemetry *journal.Journal
	relay            *model
	ctx              context.Context
}

// startReal starts broker and relay, and an uplink that reaches the broker at what via makes of its address.
func startReal(t *testing.T, via func(address string) string) *real {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	b, err := broker.Start(broker.Config{Addr: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := &real{ctx: ctx}
	for _, j := range []**journal.Journal{&r.audit, &r.telemetry} {
		if *j, _, err = journal.Open(t.TempDir(), journal.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	r.relay = newRelay(t, ctx, b.URL())
	done := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() {
		done <- Run(running, Config{
			Gateway: gw, URL: via(b.URL()), Audit: r.audit, Telemetry: r.telemetry, State: func() event.State { return event.State{} },
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		cancel()
		b.Close()
		r.audit.Close()
		r.telemetry.Close()
	})
	return r
}

// TestDuplicateClientID has somebody else take the gateway's name at the broker again and again: each throws the other out,
// and the records arrive all the same.
func TestDuplicateClientID(t *testing.T) {
	t.Parallel()
	var address string
	r := startReal(t, func(a string) string { address = a; return a })
	fill(t, r.audit, 700)
	r.relay.holds(t, r.ctx, 700, 0)
	other, err := mqtt.Dial(mqtt.Config{URL: address, ClientID: "gw-" + gw.Building + "-" + gw.Gateway})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	select {
	case <-other.Up():
	case <-r.ctx.Done():
		t.Fatal("the other one did not connect")
	}
	fill(t, r.audit, 700)
	fill(t, r.telemetry, 50)
	r.relay.holds(t, r.ctx, 1400, 50)
}

// TestHalfOpenTCP has the network swallow everything without a word, as after a router lost its tables. The keep-alive
// notices within 20 s, and a new connection carries on.
func TestHalfOpenTCP(t *testing.T) {
	t.Parallel()
	p := &hole{}
	r := startReal(t, func(a string) string { return p.listen(t, a) })
	fill(t, r.audit, 100)
	r.relay.holds(t, r.ctx, 100, 0)
	p.swallow()
	fill(t, r.audit, 600)
	r.relay.holds(t, r.ctx, 700, 0)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns < 2 {
		t.Errorf("%d connections", p.conns)
	}
}

// hole is a TCP proxy whose present connections can be made to swallow what they get.
type hole struct {
	mu    sync.Mutex
	conns int
	gone  []chan struct{} // of each connection: closed when it swallows
}

func (p *hole) listen(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", u.Host)
			if err != nil {
				c.Close()
				continue
			}
			gone := make(chan struct{})
			p.mu.Lock()
			p.conns++
			p.gone = append(p.gone, gone)
			p.mu.Unlock()
			go pass(back, c, gone)
			go pass(c, back, gone)
		}
	}()
	return "tcp://" + l.Addr().String()
}

func (p *hole) swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.gone {
		close(g)
	}
	p.gone = nil
}

func pass(to io.WriteCloser, from io.Reader, gone <-chan struct{}) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		select {
		case <-gone:
			if err != nil {
				to.Close()
				return
			}
			continue
		default:
		}
		if err != nil {
			to.Close()
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
