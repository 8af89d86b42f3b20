package panel

import (
	"fmt"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const (
	retryFirst  = 20 * time.Millisecond // pause before the first retry; each further one is twice as long
	retryLast   = 250 * time.Millisecond
	probeFirst  = time.Second // pause between questions to a reader that is offline
	probeLast   = 5 * time.Second
	fullEvery   = 6                     // of so many questions to a silent reader, one waits in full
	giveUp      = 6 * time.Second       // a command is repeated for so long; then the reader is begun with anew
	busyPause   = 50 * time.Millisecond // before a reader that was busy is asked again
	maxNaks     = 5                     // a command that the line damaged is repeated as often
	idlePeriod  = 5 * time.Second       // between two looks at a reader that is not paired
	restartRest = 500 * time.Millisecond
	lateWait    = 500 * time.Millisecond // so long after a command that was repeated, its first answer may still come
)

// phase is how far a reader is.
type phase int

const (
	identifying phase = iota // who it is, in clear
	describing               // what it can do, in clear
	challenging              // first half of the handshake
	proving                  // second half
	running                  // in use
	unpaired                 // without a key: only looked at
)

// command is one that was sent and is not answered yet. A retry repeats its bytes.
type command struct {
	wire.Command
	sequence byte
	bytes    []byte
	naks     int
}

// reader is the state of one reader.
type reader struct {
	p       *Panel
	name    byte // its address for those who ask
	address byte // its address on the line
	baud    int
	clear   bool
	known   *wire.ID
	paired  bool // it was, before this panel

	phase    phase
	sequence byte
	pending  *command
	last     []byte // bytes of the last answer that was taken
	first    []byte // the same of the answer to sequence 0
	checksum bool   // it says that it has no CRC
	id       wire.ID
	caps     wire.Caps

	due     time.Duration // its turn
	asked   time.Duration // when it had its last turn
	good    time.Duration // when it last said something that can be trusted
	silent  time.Duration // since when it says nothing, when misses > 0
	misses  int           // answers that did not come, in a row
	late    bool          // an answer came too late: wait in full
	settle  time.Duration // an answer to a command from before may come until then, and would look like one to the next
	turn    time.Duration // how long it takes to answer
	probe   time.Duration // pause between questions while it is offline
	busy    bool
	restart time.Duration // when it was last begun with anew

	report []byte        // the last answer was this card or these keys: the reader may not know that they came
	again  []byte        // the same, when the reader was begun with anew: it may tell it once more
	back   time.Duration // when it was last in use again

	told   bool // Online or Offline was told
	online bool
	cause  string // why it is of no use
	noted  string // the last Note

	keyring
	work
	status
}

func newReader(p *Panel, c Reader, baud int) *reader {
	r := &reader{p: p, name: c.Address, address: c.Address, baud: baud, clear: c.ClearText}
	if c.Known != nil {
		known := *c.Known
		r.known, r.paired = &known, true
	}
	r.own, r.next = r.accept(c.Key), r.accept(c.Pending)
	r.fresh = true
	return r
}

// accept copies a key, unless it is a weak one.
func (r *reader) accept(k *secure.Key) *secure.Key {
	if k == nil {
		return nil
	}
	if err := r.p.checkKey(*k, r); err != nil {
		r.insecure(WeakKey, fmt.Sprintf("%v: pair the reader again", err))
		return nil
	}
	own := *k
	return &own
}

func (r *reader) tell(what any) {
	r.p.events = append(r.p.events, Event{At: r.p.now, Address: r.name, What: what})
}

// note tells words for a log, and not the same ones again and again.
func (r *reader) note(words string) {
	if words != r.noted {
		r.noted = words
		r.tell(Note{words})
	}
}

// send gives the bytes for the reader's turn, or nil when there is nothing to say before due.
func (r *reader) send() []byte {
	r.asked = r.p.now
	if r.pending != nil {
		return r.pending.bytes
	}
	if r.p.now < r.settle {
		r.due = r.settle
		return nil
	}
	c := r.choose()
	if c == nil {
		return nil
	}
	f := wire.Frame{Address: r.address, Sequence: r.sequence, Code: c.Code(), Data: c.Data()}
	switch c.(type) {
	case wire.Challenge:
		f.Security, f.SCB = wire.SCS11, []byte{r.role.flag()}
	case wire.SCrypt:
		f.Security, f.SCB = wire.SCS13, []byte{r.role.flag()}
	default:
		if r.session == nil {
			f.Checksum = r.checksum
			break
		}
		sealed, err := r.session.Seal(f)
		if err != nil {
			r.note(fmt.Sprintf("%s was not sent: %v", wire.Name(c.Code()), err))
			r.done(c)
			return nil
		}
		f = sealed
	}
	r.pending = &command{Command: c, sequence: f.Sequence, bytes: f.Bytes()}
	return r.pending.bytes
}

// choose is the command for the reader's turn.
func (r *reader) choose() wire.Command {
	switch r.phase {
	case identifying, unpaired:
		return wire.Ask(wire.CmdID)
	case describing:
		return wire.Ask(wire.CmdCap)
	case challenging:
		return r.beginHandshake()
	case proving:
		return r.scrypt
	}
	return r.chooseWork()
}

// patience is how long the reader's whole answer may take; a silent reader is given the time to begin one.
func (r *reader) patience() time.Duration {
	if r.misses >= 2 && r.misses%fullEvery != 0 && !r.late {
		return min(max(shortWait, 2*r.turn), replyWait)
	}
	if r.pending.Code() == wire.CmdID {
		return replyWait + transmit(idReply, r.baud)
	}
	return replyWait + transmit(longReply, r.baud)
}

// missed is told when an answer did not come.
func (r *reader) missed() {
	now := r.p.now
	if r.misses == 0 {
		r.silent = r.asked
	}
	r.misses++
	r.late = false
	r.trySettings()
	switch {
	case r.told && !r.online:
		r.probe = min(max(r.probe*3/2, probeFirst), probeLast)
		r.due = now + r.probe
	default:
		r.due = now + min(retryFirst<<min(r.misses-1, 10), retryLast)
	}
	if now-r.silent >= giveUp && r.sequence != 0 {
		r.begin()
	}
}

// answered is told when an answer came, whatever it says.
func (r *reader) answered(f wire.Frame) {
	if turn := r.p.now - transmit(f.Size(), r.baud) - r.p.sent; turn > 0 {
		r.turn = max(turn, r.turn*7/8)
	}
	if r.misses > 0 {
		r.settle = r.silent + lateWait
	}
	r.misses, r.probe, r.late, r.busy = 0, 0, false, false
	r.last = f.Bytes()
	if r.sequence == 0 {
		r.first = r.last
	}
	r.report = nil
	r.pending = nil
	r.sequence = r.sequence%3 + 1
}

// begin starts with the reader anew: at sequence 0, without a session. What waits to be sent stays.
func (r *reader) begin() {
	r.phase, r.sequence, r.pending, r.last, r.first = identifying, 0, nil, nil, nil
	r.fresh = true
	if r.report != nil {
		r.again = r.report
	}
	r.endSession()
	r.restartTransfer()
}

// restarted is told when the reader shows that it restarted.
func (r *reader) restarted() {
	now := r.p.now
	r.begin()
	r.again = nil // it knows nothing of what it told
	r.due = now
	if r.restart > 0 && now-r.restart < time.Second {
		r.due = now + restartRest
	}
	r.restart = now
}

// check is called whenever time passes.
func (r *reader) check() {
	r.checkPairing()
	if r.session != nil && r.p.now-max(r.since, r.alarmed) >= holds {
		r.secureAgain(Downgrade)
		r.secureAgain(BadMAC)
	}
	useless := r.misses > 0 || r.busy || r.phase != running || r.cause != ""
	if r.p.now-r.good < offlineWait || !useless || r.told && !r.online {
		return
	}
	switch {
	case r.misses > 0:
		r.offline("no answer for 8 s: check its power, its wiring, its address and the speed")
	case r.busy:
		r.offline("it says that it is busy for 8 s")
	case r.cause != "":
		r.offline(r.cause)
	case r.phase == unpaired:
		r.offline("it is not paired")
	default:
		r.offline("no secure connection for 8 s")
	}
}

// up is told when the reader is in use: over Secure Channel, when the first answer proved itself, or in clear when it is
// set so.
func (r *reader) up(secure bool) {
	r.confirmed, r.cause, r.good, r.back = true, "", r.p.now, r.p.now
	r.settled()
	if !r.online {
		r.told, r.online = true, true
		r.tell(Online{Secure: secure})
	}
	if r.fresh {
		r.fresh = false
		r.askAll(secure)
	}
}

func (r *reader) offline(cause string) {
	was := r.online
	r.told, r.online = true, false
	r.tell(Offline{Cause: cause})
	if (was || r.paired) && r.pairing == nil {
		r.block("it was offline")
	}
	r.dropWork("the reader is offline")
	r.status = status{}
	if was {
		r.begin()
	}
}
