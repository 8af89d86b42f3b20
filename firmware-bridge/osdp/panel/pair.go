package panel

import (
	"errors"
	"fmt"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const keySetTries = 3

// ErrBlocked is wrapped by the errors of Pair after an alarm: see Release.
var ErrBlocked = errors.New("osdp: pairing is blocked after an alarm")

// pairing is a technician's leave to give a reader a key.
type pairing struct {
	key   secure.Key
	until time.Duration
	reset bool // the reader had no session with its own key when it began: the default key may be tried
	known bool // the reader said who it is in the session with the default key
	sent  bool // KEYSET was: the reader may have the key
	tries int
}

// Pair lets the reader at address be given a key, until a time of Step's clock: over Secure Channel with its own key, or,
// when there is no session with that at the call, with the default one, if the reader waits in install mode. Who listens on
// the line then learns the key. Keep it before the call, beside the one in use, until Paired or PairingFailed tells which of
// them counts. One reader of the line at a time.
//
// The error is ErrBlocked after an alarm that nobody released, secure.ErrWeak, or says what does not fit; a PairingRefused
// tells it as well.
func (p *Panel) Pair(address byte, key secure.Key, until time.Duration) error {
	r := p.find(address)
	if r == nil {
		return fmt.Errorf("osdp: no reader has address %d", address)
	}
	if err := r.pairable(key, until); err != nil {
		r.tell(PairingRefused{err.Error()})
		return err
	}
	r.pairing = &pairing{key: key, until: until, reset: r.session == nil}
	r.tell(PairingStarted{until})
	r.cause = ""
	if r.session == nil {
		r.forgive()
		r.try = 0
		r.begin()
		r.due = p.now
	}
	r.hurry()
	return nil
}

func (r *reader) pairable(key secure.Key, until time.Duration) error {
	if err := r.p.checkKey(key, r); err != nil {
		return err
	}
	if r.blocked != "" {
		return fmt.Errorf("%w of the reader at address %d: %s; look at it, then release it", ErrBlocked, r.name, r.blocked)
	}
	if until <= r.p.now {
		return errors.New("osdp: the time for pairing is over before it began")
	}
	for _, other := range r.p.readers {
		if other.pairing != nil {
			return fmt.Errorf("osdp: the reader at address %d is being paired: one at a time", other.name)
		}
	}
	return nil
}

// checkKey refuses a weak key for r, and one that another reader has.
func (p *Panel) checkKey(k secure.Key, r *reader) error {
	for _, other := range p.readers {
		for _, theirs := range []*secure.Key{other.own, other.next} {
			if other != r && theirs != nil && theirs.Equal(k) {
				return fmt.Errorf("%w: the reader at address %d has it as well", secure.ErrWeak, other.name)
			}
		}
	}
	return secure.Check(k)
}

// Release allows pairing again after an alarm: a technician saw the reader, and found it right. Another device than before
// is the known one from now on. The error says that the alarm is not over.
func (p *Panel) Release(address byte) error {
	r := p.find(address)
	switch {
	case r == nil:
		return fmt.Errorf("osdp: no reader has address %d", address)
	case r.tampered != nil && *r.tampered:
		return fmt.Errorf("osdp: the reader at address %d says that it is open: close it first", address)
	}
	r.blocked = ""
	if r.alerts[Swapped] {
		id := r.id
		r.known = &id
		r.secureAgain(Swapped)
	}
	return nil
}

// block is told of an alarm: the reader must not be paired until a technician says that it is right.
func (r *reader) block(cause string) {
	if r.blocked == "" {
		r.blocked = cause
	}
	if r.pairing != nil && !r.pairing.sent {
		r.pairing = nil
		r.tell(PairingRefused{cause})
		r.leaveInstallation()
	}
}

// choosePairing is the next command in a session with the default key. There is no POLL.
func (r *reader) choosePairing() wire.Command {
	if len(r.asks) > 0 {
		return wire.Ask(r.asks[0])
	}
	if r.pairing != nil && !r.pairing.known {
		r.pairingFailed("it does not say who it is", false)
		return nil
	}
	if c := r.keySet(); c != nil {
		return c
	}
	r.due = r.p.now + time.Second
	return nil
}

// keySet gives the reader its key, when a technician lets it.
func (r *reader) keySet() wire.Command {
	if !r.mayKeySet() {
		return nil
	}
	w := r.pairing
	w.sent = true
	w.tries++
	key := w.key
	r.next = &key
	return wire.KeySet{Key: key}
}

func (r *reader) mayKeySet() bool {
	return r.pairing != nil && !r.pairing.sent && r.session != nil && r.blocked == ""
}

// keyTaken is told when the reader answered KEYSET, and not with NAK. Whether it has it, a handshake shows.
func (r *reader) keyTaken() {
	r.forgive()
	r.try = 0
	r.dropSession()
}

// keptKey is told when the reader proved that it still has the key from before.
func (r *reader) keptKey() {
	if r.next == nil {
		return
	}
	r.next = nil
	if r.pairing == nil {
		r.tell(PairingFailed{Cause: "it kept its key"})
		return
	}
	r.pairing.sent = false
	if r.pairing.tries >= keySetTries {
		r.pairingFailed("it says that it takes the key, and keeps the one before", false)
	}
}

// proven is told when the reader proved that it has the new key.
func (r *reader) proven() {
	earlier := r.pairing != nil && !r.pairing.sent
	if !earlier {
		r.pairing = nil
	}
	r.own, r.next, r.role = r.next, nil, ownKey
	r.clear = false
	r.secureAgain(ClearText)
	r.secureAgain(WeakKey)
	id := r.id
	r.known = &id
	r.fresh = true
	r.tell(Paired{id, earlier})
}

// checkPairing ends a pairing whose time is over.
func (r *reader) checkPairing() {
	w := r.pairing
	if w == nil || r.p.now < w.until {
		return
	}
	cause := "nothing answered in time"
	if r.cause != "" {
		cause = r.cause
	}
	r.pairingFailed(cause, w.sent)
}

func (r *reader) pairingFailed(cause string, unsure bool) {
	if r.pairing == nil {
		return
	}
	r.pairing = nil
	if !unsure {
		r.next = nil
	}
	r.tell(PairingFailed{cause, unsure})
	r.leaveInstallation()
}

// leaveInstallation ends a session with the default key.
func (r *reader) leaveInstallation() {
	if r.role == defaultKey {
		r.role = ownKey
		if r.phase != identifying {
			r.begin()
			r.due = r.p.now
		}
	}
}
