package gateway

import (
	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// output is one line that the loop drives. It remembers what the line should be, and tells its health when that changes.
type output struct {
	id     string
	line   bridge.Output
	want   bool
	health func(id string, err error) // nil error: it does what it is told
}

// set drives the line; a nil output does nothing. That the line is well again is said by check alone: the line of a reader
// takes what it is told before the reader does.
func (o *output) set(on bool) {
	if o == nil {
		return
	}
	o.want = on
	if err := o.line.Set(on); err != nil {
		o.health(o.id, err)
	}
}

// check reads the line back, and drives it again when it is not what it should be: an expander that lost its power
// comes back with its outputs off (L26).
func (o *output) check() {
	on, err := o.line.Level()
	if err == nil && on == o.want {
		o.health(o.id, nil)
		return
	}
	if err == nil {
		err = errNotHeld
	}
	o.health(o.id, err)
	o.set(o.want)
}

// lock is an output that locks a door in its own way.
type lock struct {
	*output
	fail site.Fail
}

func (l lock) drive(released bool) {
	l.set(released == (l.fail != site.FailSafe))
}
