package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kapija/internal/event"
)

const (
	maxPayload = 1 << 20 // bytes of one MQTT payload
	maxRecords = 20000   // of one batch
	maxText    = 1024    // bytes of a free text field; the rest is cut off
	maxName    = 64      // bytes of a name that becomes a tag
)

// stream is one sequence of numbers of a gateway.
type stream int

const (
	audit stream = iota
	telemetry
	streams
)

func (s stream) String() string { return [...]string{"audit", "telemetry"}[s] }

// record is one record of a batch, as it came. Exactly one of event, reading and bad is set.
type record struct {
	seq     uint64 // 0: unknown
	at      time.Time
	raw     []byte
	event   *event.Event
	reading *event.Reading
	bad     error // why it is no record
}

var (
	errMalformed = errors.New("malformed")
	// Time in nanoseconds since 1970 must fit into 64 bits; nothing of ours is from before or after these.
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

	name = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)
)

// parseBatch takes a payload apart. An error concerns all of it; a record that is no record carries its own, and the
// sequence number that it must have had if its neighbours tell.
func parseBatch(s stream, payload []byte) ([]record, error) {
	b, err := event.DecodeBatch(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: not a batch: %w", errMalformed, err)
	}
	switch {
	case b.V != 1:
		return nil, fmt.Errorf("%w: batch version is %d, expected 1", errMalformed, b.V)
	case len(b.Records) == 0:
		return nil, fmt.Errorf("%w: batch without records", errMalformed)
	case len(b.Records) > maxRecords:
		return nil, fmt.Errorf("%w: batch of %d records, at most %d are allowed", errMalformed, len(b.Records), maxRecords)
	}
	out := make([]record, len(b.Records))
	for i, raw := range b.Records {
		out[i] = parseRecord(s, raw)
	}
	// Records of a batch are contiguous: a neighbour's number gives the number of one that cannot be read.
	for i := range out {
		if out[i].seq == 0 && i > 0 && out[i-1].seq > 0 {
			out[i].seq = out[i-1].seq + 1
		}
	}
	for i := len(out) - 2; i >= 0; i-- {
		if out[i].seq == 0 && out[i+1].seq > 1 {
			out[i].seq = out[i+1].seq - 1
		}
	}
	return out, nil
}

func parseRecord(s stream, raw []byte) record {
	r := record{raw: raw}
	var err error
	if s == telemetry {
		var x event.Reading
		if err = json.Unmarshal(raw, &x); err == nil {
			r.seq, r.at, r.reading = x.Seq, x.At, &x
			err = checkReading(&x)
		}
	} else {
		var x event.Event
		if err = json.Unmarshal(raw, &x); err == nil {
			r.seq, r.at, r.event = x.Seq, x.At, &x
			err = checkEvent(&x)
		}
	}
	switch {
	case err != nil:
	case r.seq < 1 || r.seq > math.MaxInt64:
		err = fmt.Errorf("seq is %d, expected 1 … 2^63-1", r.seq)
	case r.at.Before(earliest) || !r.at.Before(latest):
		err = fmt.Errorf("at is %s, expected a time from 1970 to 2199", r.at.Format(time.RFC3339Nano))
	}
	if r.seq > math.MaxInt64 {
		r.seq = 0
	}
	if err != nil {
		r.bad = fmt.Errorf("%w: %w", errMalformed, err)
		r.event, r.reading = nil, nil
	}
	return r
}

func checkEvent(e *event.Event) error {
	switch {
	case e.Kind == "":
		return errors.New("an event without kind")
	case e.Side != "" && e.Side != event.In && e.Side != event.Out:
		return fmt.Errorf("side is %q, expected in, out or none", e.Side)
	case e.DecidedUs < 0:
		return fmt.Errorf("decided_us is %d, expected 0 or more", e.DecidedUs)
	}
	e.Cause, e.Badge, e.Boot, e.Prev = text(e.Cause), text(e.Badge), text(e.Boot), text(e.Prev)
	return names(string(e.Kind), e.Door, string(e.Reason), string(e.Clock))
}

func checkReading(r *event.Reading) error {
	if r.Sensor == "" || r.Quantity == "" {
		return errors.New("a reading without sensor or quantity")
	}
	r.Unit = text(r.Unit)
	return names(r.Sensor, r.Quantity, string(r.Clock))
}

// names refuses what would not make a good tag.
func names(all ...string) error {
	for _, n := range all {
		if len(n) > maxName || !name.MatchString(n) {
			return fmt.Errorf("name %.80q is longer than %d bytes or holds more than letters, digits, dot, dash and underscore", n, maxName)
		}
	}
	return nil
}

// text makes a free text fit to be a field: one line, valid UTF-8, bounded.
func text(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "")
}

var lostRange = regexp.MustCompile(`^(?:seq|(audit|telemetry)(?: seq)?) ([0-9]{1,18})(?:-([0-9]{1,18}))?(?::|$)`)

// parseLost reads the range that an event journal.dropped names: "seq 12-34: why" or "audit 12-34: why" of audit events,
// "telemetry 7: why" or "telemetry seq 7: why" of readings.
func parseLost(cause string) (s stream, from, to uint64, ok bool) {
	m := lostRange.FindStringSubmatch(cause)
	if m == nil {
		return 0, 0, 0, false
	}
	if m[1] == "telemetry" {
		s = telemetry
	}
	from, _ = strconv.ParseUint(m[2], 10, 64)
	to = from
	if m[3] != "" {
		to, _ = strconv.ParseUint(m[3], 10, 64)
	}
	return s, from, to, from >= 1 && from <= to
}
