package panel

import (
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const (
	handshakeFirst = time.Second // from one handshake to the next, when no session holds; then twice as long
	handshakeLast  = 5 * time.Second
	holds          = time.Minute // a session that held for so long forgives the failures before it
)

// role says what a key is to a reader.
type role int

const (
	ownKey     role = iota
	givenKey        // by KEYSET, not proven yet
	defaultKey      // SCBK-D, while a technician pairs the reader
)

// flag is the key that a security block asks for: 0 is SCBK-D, 1 the reader's own.
func (r role) flag() byte {
	if r == defaultKey {
		return 0
	}
	return 1
}

// keyring is the keys of one reader, and the handshake and session that are made with them.
type keyring struct {
	own, next *secure.Key
	role      role // of the key in use
	try       int  // handshakes that failed, in a row

	handshake *secure.Handshake
	scrypt    wire.SCrypt
	allowed   time.Duration // when the next handshake may begin
	rest      time.Duration // from one to the next

	session *secure.Session
	since   time.Duration // of the session
	fresh   bool          // the reader is to be asked for its state
	alerts  map[Code]bool // what is insecure
	alarmed time.Duration // when it last was
	// confirmed: an answer proved itself in this session.
	confirmed bool
}

type candidate struct {
	role role
	key  secure.Key
}

// candidates are the keys that may be used now. The default one only while a technician pairs the reader.
func (r *reader) candidates() []candidate {
	var all []candidate
	if r.next != nil {
		all = append(all, candidate{givenKey, *r.next})
	}
	if r.own != nil {
		all = append(all, candidate{ownKey, *r.own})
	}
	if r.pairing != nil && r.pairing.reset {
		all = append(all, candidate{defaultKey, secure.Default})
	}
	return all
}

// beginHandshake challenges the reader, unless it is too early for that.
func (r *reader) beginHandshake() wire.Command {
	now := r.p.now
	r.endSession()
	if now < r.allowed {
		r.due = r.allowed
		return nil
	}
	all := r.candidates()
	if len(all) == 0 {
		r.begin()
		return nil
	}
	c := all[r.try%len(all)]
	r.rest = min(max(2*r.rest, handshakeFirst), handshakeLast)
	r.allowed = now + r.rest
	handshake, command, err := secure.Begin(c.key, r.p.random)
	if err != nil {
		r.cause = err.Error()
		r.due = r.allowed
		return nil
	}
	r.role, r.handshake = c.role, handshake
	return command
}

// endSession forgets the session, if any.
func (r *reader) endSession() {
	if r.session != nil && r.p.now-r.since >= holds {
		r.forgive()
	}
	r.session, r.handshake, r.confirmed = nil, nil, false
}

// forgive allows a handshake at once.
func (r *reader) forgive() { r.rest, r.allowed = 0, r.p.now }

// ccrypt takes the answer to the challenge.
func (r *reader) ccrypt(f wire.Frame) {
	if f.Security != wire.SCS12 || f.Code != wire.ReplyCCrypt || len(f.SCB) != 1 {
		r.failed(Downgrade, "it does not answer the challenge of Secure Channel: "+said(f))
		return
	}
	switch want := r.role.flag(); {
	case f.SCB[0] != want && want == 1:
		r.failed(InstallMode, "it is in install mode and asks for a key: pair it, if it is the right one")
		return
	case f.SCB[0] != want:
		r.failed(WrongKey, "it is not in install mode: set it back to its factory state, as its manual says")
		return
	}
	reply, err := wire.ParseReply(f.Code, f.Data)
	if err != nil {
		r.failed(Downgrade, err.Error())
		return
	}
	crypt := reply.(wire.CCrypt)
	if r.scrypt, err = r.handshake.Answer(crypt); err != nil {
		if r.role != defaultKey && r.handshake.Proves(secure.Default, crypt) {
			r.failed(DefaultKey, "it uses the default key as its own: pair it anew")
			return
		}
		r.failed(WrongKey, "it has another key than ours: pair it anew, if it is the right reader")
		return
	}
	r.phase, r.due = proving, r.p.now
}

// rmac takes the answer to our cryptogram.
func (r *reader) rmac(f wire.Frame) {
	if f.Security != wire.SCS14 || f.Code != wire.ReplyRMAC || len(f.SCB) != 1 {
		r.failed(Downgrade, "it does not end the handshake of Secure Channel: "+said(f))
		return
	}
	if f.SCB[0] == 0xFF {
		r.failed(WrongKey, "it does not accept our key")
		return
	}
	reply, err := wire.ParseReply(f.Code, f.Data)
	if err != nil {
		r.failed(Downgrade, err.Error())
		return
	}
	session, err := r.handshake.Finish(reply.(wire.RMAC))
	if err != nil {
		r.failed(BadMAC, "its first MAC does not fit")
		return
	}
	r.session, r.handshake, r.since = session, nil, r.p.now
	r.due = r.p.now
	r.established()
}

// said is what the reader answered instead, in words.
func said(f wire.Frame) string {
	switch f.Code {
	case wire.ReplyNak:
		if n, err := wire.ParseReply(f.Code, f.Data); err == nil {
			return n.(wire.Nak).String()
		}
		return "NAK"
	case wire.ReplyAck:
		return "it answered ACK"
	}
	return "it answered something else"
}

// failed ends a handshake. The next one is made with the next key that may be used.
func (r *reader) failed(code Code, words string) {
	r.endSession()
	r.try++
	r.phase, r.due = challenging, r.allowed
	r.cause = words
	if r.role == ownKey && r.pairing == nil || r.role == givenKey && r.own == nil && r.pairing == nil {
		r.insecure(code, words)
		if !r.told {
			r.offline(words)
		}
	}
}

// dropSession ends a session in use, and has a new one made as soon as that is allowed.
func (r *reader) dropSession() {
	r.endSession()
	r.phase, r.due = challenging, r.p.now
}

// established is told when there is a session.
func (r *reader) established() {
	r.try, r.phase = 0, running
	for _, code := range []Code{WrongKey, InstallMode, DefaultKey} {
		r.secureAgain(code)
	}
	if r.fresh {
		r.caps = nil // they came in clear
	}
	switch r.role {
	case givenKey:
		r.proven()
	case ownKey:
		r.keptKey()
	case defaultKey:
		r.asks = []byte{wire.CmdID}
		r.keptKey()
	}
}

// insecure tells that something is, once until it is over.
func (r *reader) insecure(code Code, words string) {
	r.alarmed = r.p.now
	if r.alerts[code] {
		return
	}
	if r.alerts == nil {
		r.alerts = map[Code]bool{}
	}
	r.alerts[code] = true
	r.tell(Insecure{Code: code, Active: true, Words: words})
}

func (r *reader) secureAgain(code Code) {
	if r.alerts[code] {
		delete(r.alerts, code)
		r.tell(Insecure{Code: code, Words: "it is over"})
	}
}
