package panel

import (
	"bytes"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// retold is the time in which a reader that is in use again tells what it had told before and does not know to have come.
const retold = 2 * time.Second

// maxPoints bounds the inputs and the outputs of one reader.
const maxPoints = 64

// status is what a reader said of itself, so that only what changes is told.
type status struct {
	local           *wire.LocalStatus
	broken          bool // one of the device's readers was tampered with, or is away
	tampered        *bool
	inputs, outputs []byte
}

// seen takes what a reader reports, asked or not.
func (r *reader) seen(reply wire.Reply) {
	switch got := reply.(type) {
	case wire.Raw:
		if r.once(got) {
			r.tell(Card{got.Reader, got.Bits, got.Len})
		}
	case wire.Keypad:
		if r.once(got) && len(got.Keys) > 0 {
			r.tell(Keys{got.Reader, got.Keys})
		}
	case wire.Fmt:
		r.note("it sent a card as formatted characters (FMT), which is not used: set it to raw data")
	case wire.LocalStatus:
		if r.local == nil || r.local.PowerFailure != got.PowerFailure {
			r.tell(Power{got.PowerFailure})
		}
		r.local = &got
		r.tamper()
	case wire.Readers:
		r.broken = false
		for _, state := range got {
			r.broken = r.broken || state != wire.ReaderNormal
		}
		r.tamper()
	case wire.Inputs:
		r.inputs = changes(r.inputs, got, func(n int, state byte) { r.tell(Input{n, state}) })
	case wire.Outputs:
		r.outputs = changes(r.outputs, got, func(n int, state byte) { r.tell(Output{n, state != 0}) })
	}
}

// once says whether a card or keys are new. When the line was cut just after they came, the reader tells them again.
func (r *reader) once(reply wire.Reply) bool {
	report := append([]byte{reply.ReplyCode()}, reply.Data()...)
	same := bytes.Equal(report, r.again) && r.p.now-r.back < retold
	r.report, r.again = report, nil
	return !same
}

// tamper tells whether anything of the device was tampered with, when that is new.
func (r *reader) tamper() {
	active := r.broken || r.local != nil && r.local.Tamper
	if r.tampered != nil && *r.tampered == active {
		return
	}
	r.tampered = &active
	r.tell(Tamper{active})
	if active {
		r.block("it was tampered with")
	}
}

// changes calls tell for each point whose state is new, and gives the states now.
func changes(before, now []byte, tell func(n int, state byte)) []byte {
	now = now[:min(len(now), maxPoints)]
	for n, state := range now {
		if n >= len(before) || before[n] != state {
			tell(n, state)
		}
	}
	return append([]byte{}, now...)
}
