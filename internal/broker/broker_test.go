package broker

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kapija/internal/mqtt"
)

func run(t *testing.T, c Config) *Broker {
	t.Helper()
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	b, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

type got struct {
	mqtt.Message
	ack func()
}

func client(t *testing.T, url string, c mqtt.Config, filters ...string) (*mqtt.Client, chan got) {
	t.Helper()
	c.URL = url
	m, err := mqtt.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	in := make(chan got, 4096)
	if len(filters) > 0 {
		if err := m.Subscribe(t.Context(), filters, func(m mqtt.Message, ack func()) { in <- got{m, ack} }); err != nil {
			t.Fatal(err)
		}
	} else {
		<-m.Up()
	}
	return m, in
}

// publish repeats until the broker has taken the message.
func publish(t *testing.T, c *mqtt.Client, m mqtt.Message) {
	t.Helper()
	for {
		select {
		case <-t.Context().Done():
			t.Fatal("the test is over")
		case <-c.Up():
		}
		err := c.Publish(t.Context(), m)
		if err == nil {
			return
		}
		if !errors.Is(err, mqtt.ErrNotConnected) {
			t.Fatal(err)
		}
	}
}

func receive(t *testing.T, in <-chan got) got {
	t.Helper()
	select {
	case g := <-in:
		return g
	case <-time.After(30 * time.Second):
		t.Fatal("nothing arrived")
		return got{}
	}
}

func TestPublishSubscribeRetain(t *testing.T) {
	b := run(t, Config{})
	pub, _ := client(t, b.URL(), mqtt.Config{ClientID: "pub"})
	publish(t, pub, mqtt.Message{Topic: "kapija/1/b/g/ack", Payload: []byte("1"), Retained: true})
	publish(t, pub, mqtt.Message{Topic: "kapija/1/b/g/ack", Payload: []byte("2"), Retained: true})
	_, in := client(t, b.URL(), mqtt.Config{ClientID: "sub"}, "kapija/1/+/+/ack", "kapija/1/+/+/audit")
	if g := receive(t, in); string(g.Payload) != "2" || !g.Retained {
		t.Errorf("retained: %q %v", g.Payload, g.Retained)
	}
	publish(t, pub, mqtt.Message{Topic: "kapija/1/b/g/audit", Payload: []byte("x")})
	g := receive(t, in)
	for g.Retained { // comes with each SUBSCRIBE, and a client may send two
		g = receive(t, in)
	}
	if g.Topic != "kapija/1/b/g/audit" {
		t.Errorf("topic %s", g.Topic)
	}
}

func TestOversizedPayloadHurtsOnlyItsSender(t *testing.T) {
	b := run(t, Config{})
	calm, in := client(t, b.URL(), mqtt.Config{ClientID: "calm", OnLost: func(err error) { t.Errorf("the calm client was cut off: %v", err) }}, "a/#")
	lost := make(chan error, 8)
	loud, _ := client(t, b.URL(), mqtt.Config{ClientID: "loud", Clean: true, OnLost: func(err error) { lost <- err }})
	if err := loud.Publish(t.Context(), mqtt.Message{Topic: "a/loud", Payload: make([]byte, 10<<20)}); err == nil {
		t.Error("10 MB were accepted")
	}
	<-lost
	publish(t, calm, mqtt.Message{Topic: "a/ok", Payload: make([]byte, MaxPayload-1024)})
	if g := receive(t, in); g.Topic != "a/ok" {
		t.Errorf("got %s of %d bytes", g.Topic, len(g.Payload))
	}
	calm.Close()
}

func TestUnacknowledgedComesAgainAfterRestart(t *testing.T) {
	dir := t.TempDir()
	b := run(t, Config{Dir: dir})
	addr := strings.TrimPrefix(b.URL(), "tcp://")
	pub, _ := client(t, b.URL(), mqtt.Config{ClientID: "pub"})
	_, in := client(t, b.URL(), mqtt.Config{ClientID: "relay"}, "a/+")
	publish(t, pub, mqtt.Message{Topic: "a/1", Payload: []byte("1")})
	receive(t, in)
	b.Close()
	run(t, Config{Dir: dir, Addr: addr})
	if g := receive(t, in); string(g.Payload) != "1" {
		t.Errorf("got %q", g.Payload)
	}
}

// The child process is the broker; it gets kill -9.
func TestKill9(t *testing.T) {
	if dir := os.Getenv("BROKER_TEST_DIR"); dir != "" {
		b, err := Start(Config{Addr: "127.0.0.1:0", Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("URL", b.URL())
		select {}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill9$")
	cmd.Env = append(os.Environ(), "BROKER_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	defer kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "URL ")
	if err != nil || !ok {
		t.Fatalf("child said %q, %v", line, err)
	}
	pub, _ := client(t, url, mqtt.Config{ClientID: "pub"})
	away, _ := client(t, url, mqtt.Config{ClientID: "relay"}, "a/+")
	away.Close() // a persistent session with nobody there
	const n = 50
	for i := range n {
		publish(t, pub, mqtt.Message{Topic: fmt.Sprintf("a/%d", i), Payload: []byte{byte(i)}})
	}
	publish(t, pub, mqtt.Message{Topic: "policy/rules", Payload: []byte("signed"), Retained: true})
	kill()

	b := run(t, Config{Dir: dir})
	_, in := client(t, b.URL(), mqtt.Config{ClientID: "relay"}, "a/+")
	for i := range n {
		g := receive(t, in)
		if g.Topic != fmt.Sprintf("a/%d", i) {
			t.Fatalf("message %d is %s", i, g.Topic)
		}
		g.ack()
	}
	_, kept := client(t, b.URL(), mqtt.Config{ClientID: "gateway"}, "policy/+")
	if g := receive(t, kept); string(g.Payload) != "signed" || !g.Retained {
		t.Errorf("retained %q %v", g.Payload, g.Retained)
	}
}

func TestClearErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	one := User{Name: "u", Password: "long enough indeed"}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"taken port":     {Config{Addr: l.Addr().String(), Dir: t.TempDir()}, "is taken"},
		"bad folder":     {Config{Addr: "127.0.0.1:0", Dir: filepath.Join(file, "x")}, "writable"},
		"bad address":    {Config{Addr: "nonsense", Dir: t.TempDir()}, "host:port"},
		"open and naked": {Config{Addr: "0.0.0.0:0", Dir: t.TempDir()}, "configure users"},
		"empty host":     {Config{Addr: ":0", Dir: t.TempDir()}, "configure users"},
		"short password": {Config{Addr: ":0", Dir: t.TempDir(), Users: []User{{Name: "u", Password: "kapija"}}}, "at least 12"},
		"no name":        {Config{Addr: ":0", Dir: t.TempDir(), Users: []User{{Password: "long enough indeed"}}}, "no name"},
		"twice":          {Config{Addr: ":0", Dir: t.TempDir(), Users: []User{one, one}}, "twice"},
		"bad filter":     {Config{Addr: ":0", Dir: t.TempDir(), Users: []User{{Name: "u", Password: one.Password, Publish: []string{"a/#/b"}}}}, "topic filter"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Start(c.cfg)
			if err == nil {
				b.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "broker: ") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestTwoOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	run(t, Config{Dir: dir})
	if b, err := Start(Config{Addr: "127.0.0.1:0", Dir: dir}); err == nil {
		b.Close()
		t.Fatal("two brokers share a folder")
	} else if !strings.Contains(err.Error(), "in use by another broker") {
		t.Errorf("error is %v", err)
	}
}

func TestSubjects(t *testing.T) {
	for in, want := range map[string]string{
		"kapija/1/+/+/audit": "kapija.1.*.*.audit", "a": "a", "a/#": "a.>", "#": ">", "+/b": "*.b",
		"": "", "a//b": "", "/a": "", "a/": "", "a/#/b": "", "a.b": "", "a b": "", "$SYS/#": "", "a+": "", "a/>": "", "*": "",
	} {
		got, err := subject(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestGarbageOnTheWire(t *testing.T) {
	b := run(t, Config{})
	calm, in := client(t, b.URL(), mqtt.Config{ClientID: "calm", OnLost: func(err error) { t.Errorf("the calm client was cut off: %v", err) }}, "a")
	junk, _ := base64.StdEncoding.DecodeString("EP////8PAAAA//////////////8=")
	for _, p := range [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n"), junk, {0x30, 0xff, 0xff, 0xff, 0x7f}} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.URL(), "tcp://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(p)
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, _ = bufio.NewReader(conn).ReadByte()
		_ = conn.Close()
	}
	publish(t, calm, mqtt.Message{Topic: "a", Payload: []byte("x")})
	receive(t, in)
	calm.Close()
}
