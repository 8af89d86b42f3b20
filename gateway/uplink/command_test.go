package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

func (r *rig) command(what string, retained bool) {
	r.deliver(mqtt.Message{Topic: topic.For(gw, topic.Command), Payload: []byte(what), Retained: retained})
}

func TestL56CommandIsAnswered(t *testing.T) {
	bubble(t, "in order, and what is retained is told apart", func(t *testing.T) {
		r := start(t)
		r.connect()
		r.command("a", false)
		r.command("b", true)
		r.take()
		if want := []string{"a, retained false", "b, retained true"}; !slices.Equal(r.replies, want) {
			t.Errorf("%q", r.replies)
		}
	})
	bubble(t, "tried again while somebody waits", func(t *testing.T) {
		r := start(t)
		r.connect()
		n := 0
		r.publish = func(_ context.Context, m mqtt.Message) error {
			if n++; strings.HasSuffix(m.Topic, "/reply") && n < 5 {
				return errors.New("no")
			}
			return nil
		}
		r.command("a", false)
		pause(10 * time.Second)
		r.take()
		if len(r.replies) != 1 {
			t.Errorf("%q", r.replies)
		}
		r.disconnect()
		r.command("late", false)
		pause(2 * replyLife)
		r.connect()
		r.command("new", false)
		pause(time.Second)
		r.take()
		if len(r.replies) != 2 || !strings.HasPrefix(r.replies[1], "new") {
			t.Errorf("%q", r.replies)
		}
	})
	bubble(t, "bounded", func(t *testing.T) {
		r := start(t)
		for i := range 10 * maxReplies {
			r.command(fmt.Sprint(i), false)
		}
		if !strings.Contains(r.logs.String(), "dropped") {
			t.Error("nothing was dropped, or nobody was told")
		}
	})
}

func TestLargeBatchesAreCompressed(t *testing.T) {
	bubble(t, "500 records", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 501)
		r.connect()
		pause(settle)
		batches, _ := r.take()
		if got := spans(t, batches); !slices.Equal(got, []string{"audit 1-500", "audit 501-501"}) {
			t.Fatal(got)
		}
		if !bytes.HasPrefix(batches[0].Payload, []byte{0x1f, 0x8b}) || batches[1].Payload[0] != '{' {
			t.Errorf("%x, %x", batches[0].Payload[:2], batches[1].Payload[:2])
		}
		t.Logf("500 records take %d bytes", len(batches[0].Payload))
	})
}
