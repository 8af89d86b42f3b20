package policy

import (
	"time"

	"kapija/internal/event"
)

// Step is one step of a decision. Package words has its words.
type Step struct {
	Key    string       // of the message
	Args   []Arg        // what the message names
	Reason event.Reason // of the last step: the answer; empty before
}

// Arg is one thing that a message names: an ID, a number, or a time of the rules' time zone.
type Arg struct{ Name, Value string }

// Explain is Decide, step by step: the same code, with somebody who takes notes. The last step has the reason of the
// decision, and its key is "refused." or "granted." and that reason.
func (s *Snapshot) Explain(r Request) []Step {
	var n notes
	s.decide(&r, &n)
	return n.steps
}

// notes are taken of a decision. On nil nothing is.
type notes struct{ steps []Step }

// add notes a step; pairs are names and values. It costs something: ask for nil before.
func (n *notes) add(key string, pairs ...string) {
	step := Step{Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		step.Args = append(step.Args, Arg{pairs[i], pairs[i+1]})
	}
	n.steps = append(n.steps, step)
}

func (n *notes) refused(r event.Reason) event.Reason { return n.end("refused.", r) }

func (n *notes) granted(r event.Reason) event.Reason { return n.end("granted.", r) }

func (n *notes) end(how string, r event.Reason) event.Reason {
	if n != nil {
		n.steps = append(n.steps, Step{Key: how + string(r), Reason: r})
	}
	return r
}

func (c *inquiry) note(key string) {
	if c.notes != nil {
		c.notes.add(key)
	}
}

func (c *inquiry) noteTime(key string, seconds uint32) {
	if c.notes != nil {
		c.notes.add(key, "time", c.local(timeOf(seconds)))
	}
}

func (c *inquiry) noteLevel(key string, place, plan uint16) {
	if c.notes != nil {
		c.notes.add(key, "level", c.rules.levelIDs[place], "schedule", c.rules.planIDs[plan])
	}
}

// local is a time as people at the door see it.
func (c *inquiry) local(t time.Time) string {
	return t.In(c.rules.zone.location).Format("2006-01-02 15:04:05")
}
