package relay

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

func TestDeadLettersAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead")
	l, err := openLetters(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	l.limit = 3 * 2 * lettersBody // a few letters, so that the disk is not kept busy
	for i := range 40 {
		if err := l.put(time.Now(), "t", causeMalformed, fmt.Sprint(i), append([]byte(fmt.Sprint(i)), make([]byte, 2*lettersBody)...)); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != lettersFiles+1 {
		t.Errorf("files %v", files)
	}
	for _, f := range files {
		if st, err := os.Stat(f); err != nil || st.Size() > l.limit || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, st, err)
		}
	}
	if len(l.seen) > lettersLast {
		t.Errorf("remembers %d", len(l.seen))
	}
}

// A dead letter that cannot be written leaves its record unacknowledged: the gateway keeps it.
func TestFullDiskKeepsTheRecordAtTheGateway(t *testing.T) {
	w := &world{t: t, site: district(), dead: filepath.Join(t.TempDir(), "dead")}
	l := loopFor(t, w)
	l.dead.close()
	l.dead.path = filepath.Join(w.dead, "under a file") // a file is where the folder would be
	g := events(1)
	g.mu.Lock()
	g.add(event.Event{Kind: event.DoorOpened, Door: "nowhere"})
	g.mu.Unlock()
	m := message{Message: mqtt.Message{Topic: auditTopic, Payload: g.payload(1, 2)}, got: time.Now()}
	l.take(m)
	if ack := l.states[g2()].ack(); ack.Audit != 1 {
		t.Errorf("ack %d with a letter that was not written", ack.Audit)
	}
	l.dead.path = w.dead
	l.take(m)
	if ack := l.states[g2()].ack(); ack.Audit != 2 {
		t.Errorf("ack %d with a letter that was written", ack.Audit)
	}
}

func g2() topic.Gateway { return topic.Gateway{Building: "b", Gateway: "g"} }

// broken is a database that refuses every point, and then none.
type broken struct {
	database
	until int
	calls int
}

func (b *broken) write(context.Context, []*write.Point) error {
	if b.calls++; b.calls <= b.until {
		return &influxhttp.Error{StatusCode: 400, Code: "invalid", Message: "out of order"}
	}
	return nil
}

func (b *broken) own(context.Context, time.Time) (map[topic.Gateway]level, error) { return nil, nil }

// A database that refuses everything is out of order; the records are not at fault and are not thrown away.
func TestDatabaseThatRefusesEverythingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, site: district(), dead: filepath.Join(t.TempDir(), "dead")}
		l := loopFor(t, w)
		db := &broken{until: 10}
		l.db = db
		l.take(message{Message: mqtt.Message{Topic: auditTopic, Payload: events(3).payload(1, 3)}, got: time.Now()})
		if err := l.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.letters(); len(got) != 0 {
			t.Errorf("dead letters %+v", got)
		}
		if db.calls <= db.until {
			t.Errorf("gave up after %d writes", db.calls)
		}
	})
}

// Another relay's ack is never undercut, unless the database is the reason; a lower one is a reason to ask.
func TestAcksOfTwoRelays(t *testing.T) {
	s := newStates(district())[g2()]
	s.exact = false
	s.published(event.Ack{Audit: 50})
	s.track[audit].reset(40, "")
	if a, ok := s.due(); ok {
		t.Errorf("published %v below another relay's 50", a)
	}
	s.track[audit].reset(60, "")
	if a, ok := s.due(); !ok || a.Audit != 60 {
		t.Errorf("due %v %v", a, ok)
	}
	if s.heard(event.Ack{Audit: 60}) {
		t.Error("the own echo is suspicious")
	}
	if s.heard(event.Ack{Audit: 70}) {
		t.Error("a relay that is ahead is suspicious")
	}
	if !s.heard(event.Ack{Audit: 10}) || !s.dirty || !s.force {
		t.Error("a lower ack is not")
	}
	s.lower(level{n: [streams]uint64{20, 0}, chain: "20:h"})
	if a, ok := s.due(); !ok || a.Audit != 20 || s.track[audit].hash != "h" {
		t.Errorf("due %v %v after the database held less", a, ok)
	}
}

func TestMosquittoServesAsWell(t *testing.T) {
	w := newWorld(t)
	w.mqtt = mosquitto(t)
	r := w.relay("r")
	g := w.gateway("g")
	g.write(300)
	w.untilHeld("g", numbers(1, 300))
	w.until("the ack", func() bool { return g.ack() == 300 })
	r.end()
	g.write(20)
	r = w.relay("r")
	w.untilHeld("g", numbers(1, 320))
	if n := r.value("gaps_total"); n != 0 || !strings.HasPrefix(w.mqtt, "tcp://") {
		t.Errorf("%v gaps", n)
	}
}
