package relay

import (
	"strings"
	"syscall"
	"testing"
)

func TestL44AcknowledgedAfterInfluxDBHasIt(t *testing.T) {
	dir := t.TempDir()
	db := startInflux(t, dir, "")
	w := newWorldOn(t, Influx{URL: db.URL, Bucket: db.Bucket})
	r := w.relay("r")
	g := events(30)
	send := w.publisher()
	// Only a subscribed relay makes the broker keep messages.
	w.until("the first record", func() bool { send(auditTopic, false, g.payload(1, 1)); return len(w.seqs("g")) == 1 })
	_ = syscall.Kill(db.PID(), syscall.SIGKILL)
	<-db.Exited()
	for i := 2; i <= 30; i++ {
		send(auditTopic, false, g.payload(i, i)) // sent once: there is nobody to send it again
	}
	w.until("writes fail", func() bool { return r.value("write_failures_total") >= 3 })
	if n := w.acked("g"); n > 1 {
		t.Fatalf("acknowledged %d while the database was away", n)
	}
	r.end() // and with it everything that was only in its memory
	startInflux(t, dir, strings.TrimPrefix(db.URL, "http://"))
	w.relay("r")
	w.untilHeld("g", numbers(1, 30))
	w.until("the ack", func() bool { return w.acked("g") == 30 })
}

func TestInfluxDBKilledAndBack(t *testing.T) {
	dir := t.TempDir()
	db := startInflux(t, dir, "")
	w := newWorldOn(t, Influx{URL: db.URL, Bucket: db.Bucket})
	r := w.relay("r")
	g := w.gateway("g")
	g.write(20)
	w.untilHeld("g", numbers(1, 20))
	_ = syscall.Kill(db.PID(), syscall.SIGKILL)
	<-db.Exited()
	g.write(500)
	w.until("writes fail", func() bool { return r.value("write_failures_total") >= 3 })
	startInflux(t, dir, strings.TrimPrefix(db.URL, "http://"))
	w.untilHeld("g", numbers(1, 520))
	w.until("the ack", func() bool { return g.ack() == 520 })
	if r.value("gaps_total")+r.value("acks_lowered_total")+r.value("dead_letters_total") != 0 {
		t.Error("an outage was taken for a loss")
	}
}

func TestWipedDatabaseIsFilledAgain(t *testing.T) {
	w := newWorld(t)
	name := strings.TrimSuffix(w.influx.Bucket, "/autogen")
	r := w.relay("r")
	g := w.gateway("g")
	g.write(120)
	w.untilHeld("g", numbers(1, 120))
	w.until("the ack", func() bool { return g.ack() == 120 })

	w.statement(`DROP DATABASE "` + name + `"`)
	w.statement(`CREATE DATABASE "` + name + `"`)
	w.untilHeld("g", numbers(1, 120)) // nothing new is published: the relay finds out by itself
	w.until("the ack", func() bool { return g.ack() == 120 })

	w.statement(`DROP DATABASE "` + name + `"`)
	g.write(5)
	w.until("writes fail", func() bool { return r.value("write_failures_total") >= 2 })
	w.statement(`CREATE DATABASE "` + name + `"`)
	w.untilHeld("g", numbers(1, 125))

	r.end()
	w.statement(`DROP DATABASE "` + name + `"`)
	w.statement(`CREATE DATABASE "` + name + `"`)
	r = w.relay("r")
	w.untilHeld("g", numbers(1, 125))
	w.until("the ack", func() bool { return g.ack() == 125 })
	if r.value("gaps_total")+r.value("chain_breaks_total") != 0 {
		t.Error("a wiped database was taken for a fault of the gateway")
	}
}

func TestBrokerRestartedAndWiped(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	b := w.broker(dir, "127.0.0.1:0")
	w.mqtt = b.URL()
	addr := strings.TrimPrefix(b.URL(), "tcp://")
	w.relay("r")
	g := w.gateway("g")
	g.write(50)
	w.untilHeld("g", numbers(1, 50))
	b.Close()
	g.write(50)
	b = w.broker(dir, addr)
	w.untilHeld("g", numbers(1, 100))
	w.until("the ack", func() bool { return g.ack() == 100 })
	b.Close()
	w.broker(t.TempDir(), addr) // nothing retained, no sessions
	w.until("the ack is published again", func() bool { return w.acked("g") == 100 })
	g.write(50)
	w.untilHeld("g", numbers(1, 150))
}
