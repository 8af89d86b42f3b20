// Package gateway is what runs on a Raspberry Pi: it joins the devices, the doors, the policy, the journals, the clock
// and the uplink. Doors work with the network, the server, the broker and the database gone, from the policy that is
// stored here (L16).
//
// It never asks anybody else before it decides, never delays a lock for the disk or the network, and never writes card
// numbers or bits anywhere.
//
// Concurrency: one goroutine, the loop, owns the doors, the outputs, the clock and the health of the devices. What
// others have to tell it comes through a channel of 256 signals from the devices, which holds them back when it is
// full, one command of an operator at a time, and a mailbox that joins what does not fit. The loop waits for nothing but these; the one exception is a
// journal whose queue is full while its disk hangs, which may stop it for one second once (package journal). The lock
// moves first, then the reader answers, then the events are written.
//
// A fail-secure lock is off when the gateway stops, and so locked. A fail-safe lock is locked by power: the gateway
// leaves it energised, but the kernel lets go of the line when the process ends, and the door is then free, as it is
// when the power is cut. Where that is not wanted, the line's default level on the board must be the energised one.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/gateway/clock"
	"kapija/gateway/journal"
	"kapija/gateway/local"
	"kapija/gateway/memory"
	"kapija/gateway/snapshot"
	"kapija/gateway/uplink"
	"kapija/internal/event"
	"kapija/internal/site"
	"kapija/internal/topic"
)

// The folders below Config.Dir.
const (
	AuditDir     = "audit"
	TelemetryDir = "telemetry"
	PolicyDir    = "policy"
	OrdersDir    = "orders" // commands that were carried out, and the modes that they set
)

// The journals' limits. A gateway of a busy door writes about 1 MB of audit events a day.
const (
	auditBytes      = 1 << 30
	telemetryBytes  = 256 << 20
	telemetryGather = 2 * time.Second
)

// A stop takes stopTime in all; journalTime of it is kept for closing the journals. What is not done by then is left, and
// said.
const (
	stopTime    = 2 * time.Second
	journalTime = 800 * time.Millisecond
)

// Config is everything that a gateway needs. Building and Gateway are from a validated district.
type Config struct {
	Building *site.Building
	Gateway  *site.Gateway
	Dir      string // data: journals and stored policy; one gateway's own
	Keys     string // folder with policy.pub and site.key, see LoadKeys

	MQTT               string // URL of the broker
	Username, Password string // of the broker

	Wires   bridge.Wires // stays the caller's: to be closed after Run
	Rig     rig.Opts     // how the devices are wired, and what they need to know; stays the caller's
	Version string
	Built   time.Time    // date of the build; a clock before it is not believed
	Log     *slog.Logger // nil: none

	Local local.Config // the local page: Addr and PIN; without Addr there is none

	Reload <-chan Reload // nil: never

	Ready    func()            // called once, when the doors work; nil: not called
	Recorded func(event.Event) // told each event by the loop, which waits for it; nil: not called

	Alive func() // called by the loop itself, about once a second; nil: not called
}

// seams are what tests put in the place of the machine.
type seams struct {
	devices func() (*rig.Devices, error)
	uplink  func(context.Context, uplink.Config) error
	clock   clock.Options
}

// Run runs a gateway until ctx is done, then locks the doors and closes the journals within two seconds. The error is
// about what keeps it from starting (keys, folders, outputs), or names what could not be written at the end.
func Run(ctx context.Context, c Config) error {
	return run(ctx, c, seams{
		devices: func() (*rig.Devices, error) { return rig.Open(c.Gateway, c.Wires, c.Rig) },
		uplink:  uplink.Run,
	})
}

func run(ctx context.Context, c Config, s seams) (err error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	keys, err := LoadKeys(c.Keys)
	if err != nil {
		return err
	}
	address := topic.Gateway{Building: c.Building.ID, Gateway: c.Gateway.ID}
	mail := newMailbox()

	var open shelf
	defer func() { err = errors.Join(err, open.close()) }()
	audit, err := open.journal(c, AuditDir, journal.Options{MaxBytes: auditBytes}, mail)
	if err != nil {
		return err
	}
	telemetry, err := open.journal(c, TelemetryDir, journal.Options{MaxBytes: telemetryBytes, Gather: telemetryGather}, mail)
	if err != nil {
		return err
	}
	s.clock.Newest, s.clock.Built = newest(audit, telemetry), c.Built

	policy, err := snapshot.Open(filepath.Join(c.Dir, PolicyDir), keys.Policy, address)
	if err != nil {
		return fmt.Errorf("gateway: stored policy: %w", err)
	}
	for _, d := range policy.Damaged() {
		mail.refused(fmt.Errorf("stored shard %s: %w", d.Shard, d.Cause))
	}

	clk := clock.New(s.clock)
	orders := filepath.Join(c.Dir, OrdersDir)
	if err := os.MkdirAll(orders, 0o700); err != nil {
		return fmt.Errorf("gateway: folder for the operators' orders: %w", err)
	}
	now, _ := clk.Stamp()
	commander, modes, err := openCommander(orders, keys, address, mail, c.Log, now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, commander.close()) }()

	var page net.Listener
	if c.Local.Addr != "" {
		if page, err = local.Listen(c.Local); err != nil {
			return fmt.Errorf("gateway: %w", err)
		}
		defer page.Close()
	}
	devices, err := s.devices()
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	l, err := newLoop(c, boot(), clk, audit, telemetry, policy, keys.Site, devices.Outputs, mail)
	if err != nil {
		return err
	}
	l.commanded, l.old = modes, openAlarms(audit)
	if l.memory, err = memory.Rebuild(audit, c.Building, policy.Current(), now); err != nil {
		// Rules that need to know refuse, or forget; nothing opens by it.
		c.Log.Error("who is where could not be read from the journal", "error", err)
		l.memory = memory.New(c.Building)
	}
	commander.now, commander.carry = l.now, l.orders

	if page != nil {
		l.recent = &recent{}
		l.recent.load(audit)
	}
	sources := start(ctx, devices.Sources, l.signals, c.Log)
	l.start(ctx)
	if c.Ready != nil {
		c.Ready()
	}
	// The uplink ends after the doors, so that its farewell comes last.
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	up := make(chan struct{})
	go func() {
		defer close(up)
		if c.MQTT == "" {
			return
		}
		err := s.uplink(linked, uplink.Config{
			Gateway: address, URL: c.MQTT, Username: c.Username, Password: c.Password,
			Audit: audit, Telemetry: telemetry, State: l.State, Changed: l.changed,
			Policy:  mail.policy(policy, c.Log),
			Command: func(payload []byte, retained bool) []byte { return commander.take(ctx, payload, retained) },
			Log:     c.Log,
		})
		if err != nil {
			c.Log.Error("the uplink ended; the doors go on", "error", err)
		}
	}()
	go store(linked, policy, commander)
	if page != nil {
		go serveLocal(ctx, page, l.localPage())
	}

	l.run(ctx)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime-journalTime)
	defer cancel()
	l.stop()
	unlink()
	sources.wait(late)
	select {
	case <-up:
	case <-late.Done():
		c.Log.Warn("the uplink did not end in time")
	}
	return nil
}

// store tries again to store what a full disk could not take.
func store(ctx context.Context, s *snapshot.Store, k *commander) {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = s.Flush() // the delivery has logged why
			k.flush()
		}
	}
}

// boot is a new name for this run of the gateway.
func boot() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
