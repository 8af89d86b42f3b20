package gateway

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"kapija/internal/command"
	"kapija/internal/event"
	"kapija/internal/topic"
)

// carryTime is how long a command waits for the loop.
const carryTime = 3 * time.Second

// commander takes the operator's commands off the uplink's hands: it believes or refuses them, has the loop carry them out,
// keeps the modes that they set, and answers. The loop never waits for it.
type commander struct {
	pub    ed25519.PublicKey
	gw     topic.Gateway
	mail   *mailbox
	log    *slog.Logger
	now    func() (at time.Time, known bool)
	carry  chan<- order
	nonces *command.Nonces
	modes  *keep

	mu      sync.Mutex
	unsaved []byte // modes that the disk did not take
}

// order is a command that is believed, on its way to the loop.
type order struct {
	command command.Command
	done    chan outcome // with room for one
}

// outcome is what the loop made of an order.
type outcome struct {
	err   error // *command.Err: refused
	modes []byte
	doors []event.Door
}

// openCommander opens the memory of commands and the modes that they set, and returns these.
func openCommander(dir string, keys Keys, gw topic.Gateway, mail *mailbox, log *slog.Logger, now time.Time) (*commander, map[string]commanded, error) {
	nonces, err := command.OpenNonces(filepath.Join(dir, "commands"), now)
	if err != nil {
		return nil, nil, fmt.Errorf("gateway: %w", err)
	}
	k, contents, damaged, err := openKeep(filepath.Join(dir, "modes"))
	if err != nil {
		return nil, nil, errors.Join(err, nonces.Close())
	}
	modes := map[string]commanded{}
	if contents != nil {
		if err := json.Unmarshal(contents, &modes); err != nil {
			damaged = true
		}
	}
	if damaged {
		mail.forgot("a copy of the commanded modes could not be read; the last change may be lost")
	}
	return &commander{pub: keys.Policy, gw: gw, mail: mail, log: log, nonces: nonces, modes: k}, modes, nil
}

func (k *commander) close() error { return errors.Join(k.nonces.Close(), k.modes.close()) }

// take carries out one message of the command topic and returns the payload of the reply.
func (k *commander) take(ctx context.Context, payload []byte, retained bool) []byte {
	r := k.answer(ctx, payload, retained)
	b, err := json.Marshal(r)
	if err != nil {
		k.log.Error("a reply could not be encoded", "error", err)
	}
	return b
}

func (k *commander) answer(ctx context.Context, payload []byte, retained bool) command.Reply {
	var c command.Command
	var err error
	note := ""
	if retained {
		err = &command.Err{Code: command.Retained, Text: "a retained command is never carried out: it would come again at each start"}
	} else if c, err = command.Parse(k.pub, k.gw, payload); err == nil {
		note, err = k.believe(c)
	}
	if err != nil {
		k.mail.refusedCommand(err)
		return refusal(c, err)
	}
	done := make(chan outcome, 1)
	ctx, cancel := context.WithTimeout(ctx, carryTime)
	defer cancel()
	var o outcome
	select {
	case k.carry <- order{c, done}:
		o = <-done
	case <-ctx.Done():
		err := &command.Err{Code: command.Overloaded, Text: "the gateway is stopping, or too busy"}
		k.mail.refusedCommand(err)
		return refusal(c, err)
	}
	r := command.Reply{Nonce: c.Nonce.String(), Do: c.Body.Do, Accepted: true, Text: note, Doors: o.doors}
	if o.err != nil {
		r = refusal(c, o.err)
		r.Doors = o.doors
	}
	if o.modes != nil {
		if err := k.save(o.modes); err != nil {
			r.Text = "in force, but the disk does not keep it: a restart ends it"
			k.log.Error("modes are in force and could not be stored", "error", err)
		} else {
			r.Stored = true
		}
	}
	return r
}

// believe says whether a signed command is in time and new. A lockdown is carried out although the disk does not remember
// it: to be locked down twice harms less than not to be.
func (k *commander) believe(c command.Command) (note string, err error) {
	now, known := k.now()
	if err := c.Check(now, known); err != nil {
		return "", err
	}
	err = k.nonces.Claim(c, now)
	if e, ok := errors.AsType[*command.Err](err); ok && e.Code == command.NotStored && c.Body.Do == command.SetMode && c.Body.Mode == string(lockdown) {
		return e.Text, nil
	}
	return "", err
}

func refusal(c command.Command, err error) command.Reply {
	r := command.Reply{Do: c.Body.Do, Code: command.Malformed, Text: err.Error()}
	if c.Nonce != (command.Nonce{}) {
		r.Nonce = c.Nonce.String()
	}
	if e, ok := errors.AsType[*command.Err](err); ok {
		r.Code, r.Text = e.Code, e.Text
	}
	return r
}

func (k *commander) save(modes []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsaved = modes
	err := k.modes.save(modes)
	if err == nil {
		k.unsaved = nil
	}
	return err
}

// flush tries again to store what the disk did not take.
func (k *commander) flush() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unsaved != nil && k.modes.save(k.unsaved) == nil {
		k.unsaved = nil
	}
}
