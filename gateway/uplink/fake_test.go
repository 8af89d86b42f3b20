package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

var gw = topic.Gateway{Building: "lozionica", Gateway: "north"}

// fake is a broker with one client, in memory.
type fake struct {
	mu        sync.Mutex
	config    mqtt.Config
	dials     int
	online    bool
	down      chan struct{}
	handle    func(mqtt.Message, func())
	published []mqtt.Message
	replies   []string // put here by take
	inFlight  map[string]int
	most      map[string]int
	publish   func(ctx context.Context, m mqtt.Message) error // before a message counts; nil: taken at once
	refuse    error                                           // of Subscribe
	closed    bool
	acked     int // messages that the client acknowledged
}

func newFake() *fake {
	return &fake{down: make(chan struct{}), inFlight: map[string]int{}, most: map[string]int{}}
}

func (f *fake) dial(c mqtt.Config) (client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.URL == "" {
		return nil, errors.New("no address")
	}
	f.config, f.closed = c, false
	f.dials++
	return f, nil
}

func (f *fake) Publish(ctx context.Context, m mqtt.Message) error {
	f.mu.Lock()
	if !f.online {
		f.mu.Unlock()
		return mqtt.ErrNotConnected
	}
	down, hook := f.down, f.publish
	f.inFlight[m.Topic]++
	f.most[m.Topic] = max(f.most[m.Topic], f.inFlight[m.Topic])
	f.mu.Unlock()
	var err error
	if hook != nil {
		err = hook(ctx, m)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight[m.Topic]--
	select {
	case <-down:
		return mqtt.ErrNotConnected
	default:
	}
	if err == nil {
		f.published = append(f.published, m)
	}
	return err
}

func (f *fake) Subscribe(_ context.Context, filters []string, handle func(mqtt.Message, func())) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if want := []string{"kapija/1/lozionica/north/ack", "kapija/1/lozionica/north/policy/+", "kapija/1/lozionica/north/command"}; !slices.Equal(filters, want) {
		return fmt.Errorf("subscribed to %v", filters)
	}
	f.handle = handle
	return f.refuse
}

func (f *fake) Close() {
	f.disconnect()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

func (f *fake) connect() {
	f.mu.Lock()
	f.online, f.down = true, make(chan struct{})
	on := f.config.OnConnect
	f.mu.Unlock()
	on(nil)
	synctest.Wait()
}

func (f *fake) disconnect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.online {
		f.online = false
		close(f.down)
	}
}

func (f *fake) deliver(m mqtt.Message) {
	f.mu.Lock()
	h := f.handle
	f.mu.Unlock()
	h(m, func() { f.mu.Lock(); f.acked++; f.mu.Unlock() })
	synctest.Wait()
}

func (f *fake) ack(a event.Ack, retained bool) {
	p, _ := json.Marshal(a)
	f.deliver(mqtt.Message{Topic: topic.For(gw, topic.Ack), Payload: p, Retained: retained})
}

// take returns what was published since the last call, state apart.
func (f *fake) take() (batches []mqtt.Message, states []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.published {
		switch m.Topic {
		case topic.For(gw, topic.State):
			states = append(states, string(m.Payload))
		case topic.For(gw, topic.Reply):
			f.replies = append(f.replies, string(m.Payload))
		default:
			batches = append(batches, m)
		}
	}
	f.published = nil
	return batches, states
}

// spans says which records some batches hold: "audit 1-500".
func spans(t *testing.T, batches []mqtt.Message) (out []string) {
	t.Helper()
	for _, m := range batches {
		p, err := topic.Parse(m.Topic)
		if err != nil || m.Retained {
			t.Fatal(m.Topic, m.Retained, err)
		}
		seqs := sequence(t, m.Payload)
		out = append(out, fmt.Sprintf("%s %d-%d", p.Leaf, seqs[0], seqs[len(seqs)-1]))
	}
	return out
}

func sequence(t *testing.T, payload []byte) (seqs []uint64) {
	t.Helper()
	b, err := event.DecodeBatch(payload)
	if err != nil || b.V != 1 || len(b.Records) == 0 || len(b.Records) > maxRecords {
		t.Fatalf("batch of %d: %v", len(b.Records), err)
	}
	for i, r := range b.Records {
		var e event.Event
		if err := json.Unmarshal(r, &e); err != nil {
			t.Fatal(err)
		}
		if seqs = append(seqs, e.Seq); e.Seq != seqs[0]+uint64(i) {
			t.Fatalf("a batch holds %v", seqs)
		}
	}
	return seqs
}

func expect(t *testing.T, f *fake, want ...string) {
	t.Helper()
	synctest.Wait()
	batches, _ := f.take()
	if got := spans(t, batches); !slices.Equal(got, want) {
		t.Fatalf("sent\n  %s\nexpected\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// rig is an uplink that runs against a fake, with real journals.
type rig struct {
	*fake
	audit, telemetry *journal.Journal
	changed          chan struct{}
	policies         []string
	logs             *strings.Builder
	stop             func() error
	hold             chan struct{} // when set, Policy waits for it
}

func start(t *testing.T) *rig {
	r := &rig{fake: newFake(), changed: make(chan struct{}), logs: &strings.Builder{}}
	for _, j := range []**journal.Journal{&r.audit, &r.telemetry} {
		var err error
		if *j, _, err = journal.Open(t.TempDir(), journal.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, Config{
			Gateway: gw, URL: "tcp://broker:1883", Audit: r.audit, Telemetry: r.telemetry,
			State:   func() event.State { return event.State{Version: "test", Queued: r.audit.Last() - r.audit.Acked()} },
			Changed: r.changed,
			Policy: func(topic string, payload []byte) {
				if r.hold != nil {
					<-r.hold
				}
				r.policies = append(r.policies, topic+" "+string(payload))
			},
			Command: func(payload []byte, retained bool) []byte {
				return fmt.Appendf(nil, "%s, retained %v", payload, retained)
			},
			Log: slog.New(slog.NewTextHandler(r.logs, nil)),
		}, r.dial)
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		return errors.Join(err, r.audit.Close(), r.telemetry.Close())
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return r
}

// fill appends records and waits until they are durable.
func fill(t *testing.T, j *journal.Journal, n int) {
	t.Helper()
	var seq uint64
	for range n {
		var err error
		seq, err = j.Append(func(seq uint64, prev string) ([]byte, error) {
			return fmt.Appendf(nil, `{"seq":%d,"cause":"<&>","prev":%q}`, seq, prev), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Wait(context.Background(), seq); err != nil {
		t.Fatal(err)
	}
}

func pause(d time.Duration) {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
}
