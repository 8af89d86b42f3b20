package panel

import (
	"bytes"
	"fmt"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// received takes a frame of this reader while its answer is waited for, and says whether it is the answer.
func (r *reader) received(f wire.Frame) bool {
	c := r.pending
	if c == nil {
		return true // what was asked is of no interest any more
	}
	plain := !f.Sealed()
	if plain && f.Code == wire.ReplyBusy && (f.Sequence == 0 || f.Sequence == c.sequence) {
		// It comes with sequence 0 and in clear, whatever the session: the command is sent again, and the MAC stays.
		r.misses, r.busy, r.due = 0, true, r.p.now+busyPause
		return true
	}
	if f.Sequence != c.sequence {
		return r.strange(f)
	}
	if !plain {
		return r.opened(f)
	}
	if r.session != nil && !allowedInClear(c, f) {
		// The true answer may still come.
		r.insecure(Downgrade, "an answer came in clear although there is a secure connection: somebody may be on the line")
		return false
	}
	switch {
	case f.Code == wire.ReplyNak:
		r.nak(f)
		return true
	case r.phase == challenging:
		r.answered(f)
		r.ccrypt(f)
		return true
	case r.phase == proving:
		r.answered(f)
		r.rmac(f)
		return true
	case f.Security != wire.NoSecurity:
		return false
	}
	r.answered(f)
	if r.session == nil {
		r.checksum = r.checksum || f.Checksum
		r.trustClear()
	}
	r.reply(c.Command, f)
	return true
}

// allowedInClear: in a session only BUSY, NAK and the answer to KEYSET may come in clear.
func allowedInClear(c *command, f wire.Frame) bool {
	_, keySet := c.Command.(wire.KeySet)
	return f.Security == wire.NoSecurity && (f.Code == wire.ReplyNak || keySet && f.Code == wire.ReplyAck)
}

// strange takes a frame with another sequence number than that of the command.
func (r *reader) strange(f wire.Frame) bool {
	switch {
	case bytes.Equal(f.Bytes(), r.last), bytes.Equal(f.Bytes(), r.first):
		return false // an answer from before, once more
	case f.Sequence == 0, f.Code == wire.ReplyNak && !f.Sealed() && len(f.Data) > 0 && f.Data[0] == wire.NakSequence && r.pending.sequence != 0:
		r.restarted()
		return true
	}
	return false
}

// opened takes a frame of the session.
func (r *reader) opened(f wire.Frame) bool {
	if r.session == nil {
		return false
	}
	open, err := r.session.Open(f)
	c := r.pending
	r.answered(f)
	if err != nil {
		words := "a message did not prove itself: somebody may be on the line"
		if err == secure.ErrPadding {
			words = "a message was not encrypted as it should be"
		}
		r.insecure(BadMAC, words)
		r.begin() // at sequence 0, so that the reader does not believe that its answer came
		r.due = r.p.now
		return true
	}
	r.good = r.p.now
	if !r.confirmed && r.role != defaultKey {
		r.up(true)
	}
	if open.Code == wire.ReplyNak {
		r.refused(c.Command, open, true)
		return true
	}
	r.reply(c.Command, open)
	return true
}

// nak takes a NAK in clear.
func (r *reader) nak(f wire.Frame) {
	c := r.pending
	var reason byte
	if len(f.Data) > 0 {
		reason = f.Data[0]
	}
	switch {
	case reason == wire.NakSequence:
		r.restarted()
		return
	case reason == wire.NakCheck && f.Checksum && !r.checksum && r.session == nil && r.phase != challenging && r.phase != proving:
		r.checksum, r.pending, r.due = true, nil, r.p.now
		return
	case reason == wire.NakCheck && c.naks < maxNaks:
		c.naks++
		r.misses, r.due = 0, r.p.now+retryFirst
		return
	}
	r.answered(f)
	switch {
	case r.phase == challenging || r.phase == proving:
		r.failed(Downgrade, "it refuses Secure Channel: "+said(f))
	case r.session != nil && (reason == wire.NakSecurity || reason == wire.NakEncryption):
		r.dropSession() // it lost the session
	case r.phase == running && r.session == nil && reason == wire.NakEncryption:
		r.cause, r.due = "it wants an encrypted connection: pair it", r.p.now+retryLast
	default:
		r.trustClear()
		r.refused(c.Command, f, r.session == nil)
	}
}

// trustClear counts an answer in clear, where that is how the reader is used.
func (r *reader) trustClear() {
	if r.phase != running || r.session != nil {
		return
	}
	r.good, r.cause = r.p.now, ""
	if !r.confirmed {
		r.up(false)
	}
}

// refused goes on after a NAK. One to a single command does not drop a reader. One in clear may not be the reader's own
// word, when there is a session.
func (r *reader) refused(c wire.Command, f wire.Frame, trusted bool) {
	r.due = r.p.now
	switch r.phase {
	case identifying:
		r.phase = describing
		return
	case describing:
		r.caps = nil
		r.entered()
		return
	case unpaired:
		r.due = r.p.now + idlePeriod
		return
	}
	words := said(f)
	switch c := c.(type) {
	case wire.Ask:
		r.asks = without(r.asks, byte(c))
		r.soon()
		return
	case wire.KeySet:
		r.pairingFailed("it refuses the key: "+words, !trusted)
	case wire.FileTransfer:
		r.transferFailed(words)
	case wire.ComSet:
		r.comm = nil
		r.tell(Refused{c.Code(), words})
	default:
		r.tell(Refused{c.Code(), words})
	}
	r.done(c)
}

// reply takes an answer that can be trusted, or one to ID or CAP before that.
func (r *reader) reply(c wire.Command, f wire.Frame) {
	r.due = r.p.now
	reply, err := wire.ParseReply(f.Code, f.Data)
	if err != nil {
		reply = nil
		r.note(fmt.Sprintf("its answer to %s is not understood: %v", wire.Name(c.Code()), err))
	}
	switch r.phase {
	case identifying:
		if id, ok := reply.(wire.ID); ok {
			r.identified(id)
		}
		r.phase = describing
		return
	case describing:
		r.caps, _ = reply.(wire.Caps)
		r.entered()
		return
	case unpaired:
		if id, ok := reply.(wire.ID); ok {
			r.identified(id)
		}
		r.due = r.p.now + idlePeriod
		return
	}
	r.done(c)
	switch got := reply.(type) {
	case wire.ID:
		r.identified(got)
	case wire.Caps:
		r.caps = got
		r.tell(Identified{r.id, r.caps, r.role == ownKey && r.session != nil})
	case wire.FTStat:
		r.ftstat(c, got)
	case wire.Com:
		r.com(c, got)
	default:
		if r.role != defaultKey {
			r.seen(got)
		}
	}
	switch c := c.(type) {
	case wire.FileTransfer:
		if f.Code != wire.ReplyFTStat {
			r.transferFailed(fmt.Sprintf("its answer to the part at %d is not FTSTAT", c.Offset))
		}
	case wire.ComSet:
		if r.comm != nil && !r.comm.switched {
			r.comm = nil
			r.tell(Refused{c.Code(), "its answer is not COM"})
		}
	case wire.KeySet:
		r.keyTaken()
	}
	if r.phase == running {
		r.soon()
	}
}

// entered ends the questions in clear.
func (r *reader) entered() {
	r.due = r.p.now
	keyed := len(r.candidates()) > 0
	if keyed && r.pairing == nil && !r.caps.Secure() {
		r.insecure(Downgrade, "it says that it has no encryption, and is paired: somebody may be on the line")
	}
	switch {
	case keyed:
		r.phase = challenging
	case r.clear:
		r.insecure(ClearText, "it is used without encryption, as it is configured: who is on the line reads and copies badges")
		if r.caps.Get(wire.CapCheck).Function == wire.CapCheck {
			r.checksum = r.caps.ChecksumOnly()
		}
		r.tell(Identified{r.id, r.caps, false})
		r.phase = running
	default:
		cause := "it is not paired"
		if !r.caps.Secure() {
			cause = "it is not paired, and says that it has no encryption"
		}
		if r.phase != unpaired {
			r.tell(Identified{r.id, r.caps, false})
		}
		r.phase, r.due = unpaired, r.p.now+idlePeriod
		if !r.told {
			r.offline(cause)
		}
	}
}

// identified compares what the reader is with what it was.
func (r *reader) identified(id wire.ID) {
	r.id = id
	if r.pairing != nil && r.phase == running {
		r.pairing.known = true
	}
	trusted := r.phase == running && r.role != defaultKey || len(r.candidates()) == 0
	switch {
	case r.known == nil:
		if trusted {
			r.known = &id
		}
	case !r.known.SameDevice(id):
		r.insecure(Swapped, fmt.Sprintf("it is another device: %v, expected %v", id, *r.known))
		r.block("it is another device than before")
	}
}
