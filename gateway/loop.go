package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/clock"
	"kapija/gateway/door"
	"kapija/gateway/journal"
	"kapija/gateway/memory"
	"kapija/gateway/snapshot"
	"kapija/internal/event"
	"kapija/internal/policy"
)

const (
	queueSize  = 256                     // signals from the devices
	everyCheck = time.Second             // clock, outputs, watchdog
	everyState = 4 * time.Second         // the state is published although nothing changed: the dashboard calls 10 s stale
	inputsTime = 1500 * time.Millisecond // that the inputs have at start to tell their level
	earlyReads = 16                      // credentials that wait for the inputs; with more the doors start at once
)

var errNotHeld = errors.New("the output did not keep its level")

// loop owns the doors. Its fields belong to the goroutine that calls start, run and stop, except for signals, orders,
// asks, changed, mail and published.
type loop struct {
	c         Config
	log       *slog.Logger
	boot      string
	clock     *clock.Clock
	audit     *journal.Journal
	telemetry *journal.Journal
	policy    *snapshot.Store
	key       policy.SiteKey

	portals []*portal
	readers map[string]reader
	inputs  map[string]input
	outputs map[string]*output
	players []*player
	health  *health
	alerts  map[alertKey]map[string]bool // what has not ended
	leaks   map[string]bool              // sensors that have found water

	memory    *memory.Memory
	commanded map[string]commanded // by door
	replan    bool                 // the modes of the doors may change
	fire      bool
	old       []event.Event // alarms that the run before left open

	signals   chan bridge.Signal
	mail      *mailbox
	orders    chan order
	asks      chan func()
	recent    *recent       // nil: nobody looks
	changed   chan struct{} // the state changed
	published atomic.Pointer[published]

	timer     *time.Timer
	lastState time.Time
	refusedAt time.Time                // when commands that were not believed were recorded last
	unwritten map[*journal.Journal]int // records that a journal did not take
}

func newLoop(c Config, boot string, k *clock.Clock, audit, telemetry *journal.Journal, store *snapshot.Store,
	key policy.SiteKey, lines map[string]bridge.Output, mail *mailbox) (*loop, error) {
	l := &loop{
		c: c, log: c.Log, boot: boot, clock: k, audit: audit, telemetry: telemetry, policy: store, key: key,
		readers: map[string]reader{}, inputs: map[string]input{}, outputs: map[string]*output{},
		health: newHealth(c.Gateway), alerts: map[alertKey]map[string]bool{}, leaks: map[string]bool{},
		memory: memory.New(c.Building), commanded: map[string]commanded{},
		signals: make(chan bridge.Signal, queueSize), mail: mail, orders: make(chan order), asks: make(chan func()), changed: make(chan struct{}, 1),
		unwritten: map[*journal.Journal]int{},
	}
	for _, o := range c.Gateway.Outputs {
		line, ok := lines[o.ID]
		if !ok {
			return nil, fmt.Errorf("gateway: output %s is not wired: expected an entry in the wiring file of gateway %s", o.ID, c.Gateway.ID)
		}
		l.outputs[o.ID] = &output{id: o.ID, line: line, health: l.outputHealth}
	}
	if err := l.wire(); err != nil {
		return nil, err
	}
	l.timer = time.NewTimer(time.Hour)
	return l, nil
}

// start brings the doors up: inputs first, then the locks (L14). Credentials that come meanwhile wait.
func (l *loop) start(ctx context.Context) {
	l.checkClock()
	l.record(event.Event{Kind: event.GatewayStarted, Cause: "version " + l.c.Version})
	l.log.Info("gateway started", "gateway", l.c.Gateway.ID, "version", l.c.Version, "clock", l.clock.State(), "policy", l.policy.Current().Version())
	l.endOldAlarms(l.old)
	l.recordLosses()

	var early []bridge.Signal
	timeout := time.After(inputsTime)
	for wait := true; wait && !l.health.allInputsHeard(); {
		select {
		case s := <-l.signals:
			if _, read := s.What.(bridge.Read); read {
				early = append(early, s)
				wait = len(early) < earlyReads
				continue
			}
			l.signal(s)
		case <-timeout:
			wait = false
		case <-ctx.Done():
			wait = false
		}
	}
	l.setModes()
	for _, s := range early {
		l.signal(s)
	}
	l.checkOutputs()
	l.publish()
}

// run works until ctx is done. Whatever comes, deadlines are looked at after each.
func (l *loop) run(ctx context.Context) {
	check := time.NewTicker(everyCheck)
	defer check.Stop()
	for {
		l.arm()
		select {
		case <-ctx.Done():
			return
		case s := <-l.signals:
			l.signal(s)
		case <-l.timer.C:
		case <-l.mail.kick:
			l.recordLosses()
		case o := <-l.orders:
			o.done <- l.carryOut(o.command)
		case ask := <-l.asks:
			ask()
		case r := <-l.c.Reload:
			r.Done <- l.reload(r.Building, r.Gateway)
		case <-check.C:
			l.check()
		}
		l.due(time.Now())
	}
}

// stop locks the doors and writes the last events.
func (l *loop) stop() {
	for _, p := range l.portals {
		l.giveUpPINs(p, time.Time{})
		l.step(p, time.Now(), door.Stop{})
	}
	for _, p := range l.players {
		p.silence(time.Now())
	}
	l.recordPolicy()
	l.recordRefusedCommands(time.Now())
	l.recordLosses()
	l.record(event.Event{Kind: event.GatewayStopped, Cause: "stop"})
	l.publish()
	l.log.Info("gateway stopped", "gateway", l.c.Gateway.ID)
}

// deadlines calls f with each time at which something is due.
func (l *loop) deadlines(f func(time.Time)) {
	for _, p := range l.portals {
		f(p.machine.Deadline())
		for _, w := range p.pins {
			f(w.until)
		}
	}
	for _, p := range l.players {
		f(p.next)
	}
	f(l.mail.burst())
}

// arm sets the one timer to the next deadline.
func (l *loop) arm() {
	next := time.Now().Add(time.Hour)
	l.deadlines(func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	})
	l.timer.Reset(time.Until(next))
}

func (l *loop) due(now time.Time) {
	for _, p := range l.portals {
		if at := p.machine.Deadline(); !at.IsZero() && !now.Before(at) {
			l.step(p, now, door.Tick{})
		}
		l.giveUpPINs(p, now)
	}
	if l.replan {
		l.setModes()
	}
	for _, p := range l.players {
		p.due(now)
	}
	if at := l.mail.burst(); !at.IsZero() && !now.Before(at) {
		l.recordPolicy()
	}
}

// check is the round of once a second.
func (l *loop) check() {
	if l.c.Alive != nil {
		l.c.Alive()
	}
	l.checkClock()
	l.checkOutputs()
	l.recordUnwritten()
	l.recordRefusedCommands(time.Now())
	l.setModes()
	if time.Since(l.lastState) >= everyState {
		l.publish()
	} else {
		l.refresh()
	}
}

func (l *loop) checkClock() {
	before := l.clock.State()
	for _, c := range l.clock.Check() {
		l.record(event.Event{Kind: c.Kind, Cause: c.Cause})
		l.log.Warn("clock", "kind", c.Kind, "cause", c.Cause)
	}
	if l.clock.State() != before {
		l.publish()
	}
}

func (l *loop) checkOutputs() {
	for _, o := range l.c.Gateway.Outputs {
		l.outputs[o.ID].check()
	}
}
