package broker

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"kapija/internal/mqtt"
)

func TestUsers(t *testing.T) {
	users := []User{
		{Name: "gw1", Password: "secret of gateway 1", Publish: []string{"kapija/1/b/gw1/#"}, Subscribe: []string{"kapija/1/b/gw1/#"}},
		{Name: "relay", Password: "secret of the relay", Subscribe: []string{"kapija/1/+/+/audit", "kapija/1/+/occupancy"}, Publish: []string{"kapija/1/+/+/ack"}},
	}
	b := run(t, Config{Users: users})
	_, in := client(t, b.URL(), mqtt.Config{ClientID: "relay", Username: "relay", Password: users[1].Password}, "kapija/1/+/+/audit")
	gw, mine := client(t, b.URL(), mqtt.Config{ClientID: "gw1", Username: "gw1", Password: users[0].Password}, "kapija/1/b/gw1/ack")
	other, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	// The broker either stays silent or cuts the connection; it must never deliver.
	_ = gw.Publish(other, mqtt.Message{Topic: "kapija/1/b/gw2/audit", Payload: []byte("forged")})
	_ = gw.Publish(other, mqtt.Message{Topic: "kapija/1/b/gw2/ack", Payload: []byte("forged"), Retained: true})
	publish(t, gw, mqtt.Message{Topic: "kapija/1/b/gw1/audit", Payload: []byte("true")})
	if g := receive(t, in); string(g.Payload) != "true" {
		t.Errorf("the relay got %q on %s", g.Payload, g.Topic)
	}
	rel, _ := client(t, b.URL(), mqtt.Config{ClientID: "relay2", Username: "relay", Password: users[1].Password})
	publish(t, rel, mqtt.Message{Topic: "kapija/1/b/gw1/ack", Payload: []byte("7"), Retained: true})
	if g := receive(t, mine); string(g.Payload) != "7" {
		t.Errorf("the gateway got %q", g.Payload)
	}
	t.Run("another's topic cannot be read", func(t *testing.T) {
		spy, err := mqtt.Dial(mqtt.Config{URL: b.URL(), ClientID: "spy", Username: "gw1", Password: users[0].Password, Clean: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(spy.Close)
		for _, f := range []string{"kapija/1/b/gw2/audit"} {
			if err := spy.Subscribe(t.Context(), []string{f}, func(m mqtt.Message, _ func()) { t.Errorf("read %s", m.Topic) }); err == nil {
				t.Errorf("subscription to %s was accepted", f)
			}
		}
	})
	for _, c := range []mqtt.Config{
		{ClientID: "anonymous"},
		{ClientID: "wrong", Username: "gw1", Password: "wrong"},
	} {
		t.Run(c.ClientID+" is refused", func(t *testing.T) {
			if code := connack(t, strings.TrimPrefix(b.URL(), "tcp://"), c); code != 5 && code != 4 {
				t.Errorf("CONNACK %d", code)
			}
		})
	}
}

// connack connects with bare bytes and returns the answer's code (MQTT 3.1.1, 3.2.2.3).
func connack(t *testing.T, addr string, c mqtt.Config) byte {
	t.Helper()
	str := func(s string) []byte { return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...) }
	flags, tail := byte(2), str(c.ClientID)
	if c.Username != "" {
		flags |= 0xc0
		tail = append(append(tail, str(c.Username)...), str(c.Password)...)
	}
	body := append(append(str("MQTT"), 4, flags, 0, 30), tail...)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write(append([]byte{0x10, byte(len(body))}, body...))
	answer := make([]byte, 4)
	if _, err := conn.Read(answer); err != nil {
		t.Fatal(err)
	}
	return answer[3]
}
