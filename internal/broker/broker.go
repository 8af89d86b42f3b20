// Package broker runs an MQTT 3.1.1 broker inside this process: nats-server with MQTT on JetStream, stored on disk.
//
// It opens the MQTT port and nothing else: no NATS clients, no cluster, no monitoring, no signal handlers. Any MQTT 3.1.1
// broker can stand in its place (configs/mosquitto). It never accepts anonymous clients beyond loopback and knows no
// default password.
//
// Durability: a message is acknowledged after it is in the file; files are synced once a second. Kill -9 therefore loses
// nothing; a power cut may lose the last second, which gateways send again because InfluxDB never acknowledged it, and
// which the owner of retained messages must publish again when it starts.
//
// Concurrency: a Broker may be used from any goroutine. Bounded: a payload (1 MB, a larger one closes the connection that
// sent it), each session's unacknowledged messages (256 a subscription), connections, memory and disk. When the disk
// limit is reached publications are not acknowledged any more, and senders keep what they have.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// MaxPayload is the largest payload in bytes, with its topic.
	MaxPayload = 1 << 20

	defaultStore   = 4 << 30 // bytes on disk
	memory         = 64 << 20
	connections    = 1024
	unacknowledged = 256
	// How long the broker waits for a PUBACK before it sends again, also on the same connection. It is as well the time
	// after which a client that comes back gets what the connection before had not acknowledged.
	redeliver  = 5 * time.Second
	syncEvery  = time.Second
	startLimit = time.Minute // a large store is checked before the port opens
	lockLimit  = time.Second
)

// Config says where to listen and what to keep.
type Config struct {
	Addr     string      // MQTT host:port; port 0: a free one
	Dir      string      // store; created when missing, one broker at a time
	MaxStore int64       // bytes on disk; 0: 4 GiB
	Users    []User      // empty: no passwords, loopback only
	TLS      *tls.Config // nil: plain TCP
	Log      *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	srv  *server.Server
	url  string
	lock *os.File
	log  *slog.Logger
	stop sync.Once
}

// Start opens the store and the port, and returns when clients can connect.
func Start(c Config) (*Broker, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	opts, err := options(c)
	if err != nil {
		return nil, err
	}
	if err := writable(c.Dir); err != nil {
		return nil, fmt.Errorf("broker: the folder %s cannot be used: choose one that is writable: %w", c.Dir, err)
	}
	lock, err := acquire(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("broker: the folder %s is in use by another broker: stop it or choose another folder: %w", c.Dir, err)
	}
	b := &Broker{lock: lock, log: c.Log}
	if err := b.start(opts); err != nil {
		_ = lock.Close()
		return nil, err
	}
	host := opts.MQTT.Host
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "tcp"
	if c.TLS != nil {
		scheme = "ssl"
	}
	b.url = scheme + "://" + net.JoinHostPort(host, strconv.Itoa(opts.MQTT.Port))
	b.log.Info("broker listens", "url", b.url, "users", len(c.Users))
	return b, nil
}

func options(c Config) (*server.Options, error) {
	host, port, err := address(c.Addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); len(c.Users) == 0 && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("broker: %q is reachable from other machines and no users are configured: configure users, or listen on 127.0.0.1", c.Addr)
	}
	users, err := permissions(c.Users)
	if err != nil {
		return nil, err
	}
	if c.MaxStore == 0 {
		c.MaxStore = defaultStore
	}
	o := &server.Options{
		ServerName: "kapija", // sessions belong to the name: it must be the same after a restart
		DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: c.Dir, SyncInterval: syncEvery,
		JetStreamMaxMemory: memory, JetStreamMaxStore: c.MaxStore,
		MaxPayload: MaxPayload, MaxPending: 16 << 20, MaxConn: connections,
		Users: users,
	}
	o.MQTT = server.MQTTOpts{Host: host, Port: port, TLSConfig: c.TLS, AckWait: redeliver, MaxAckPending: unacknowledged}
	if port == 0 {
		o.MQTT.Port = -1
	}
	if c.TLS != nil {
		o.MQTT.TLSTimeout = 5
	}
	return o, nil
}

func address(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(p)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("broker: address %q is not of the form host:port, for example 127.0.0.1:1883", addr)
	}
	switch host {
	case "":
		host = "0.0.0.0"
	case "localhost":
		host = "127.0.0.1"
	}
	return host, port, nil
}

func (b *Broker) start(opts *server.Options) error {
	if err := free(opts.MQTT); err != nil {
		return err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	bridge := newBridge(b.log)
	srv.SetLogger(bridge, false, false)
	ready := make(chan bool, 1)
	go func() {
		srv.Start()
		ready <- srv.ReadyForConnections(startLimit)
	}()
	err = errors.New("broker: it was not ready within " + startLimit.String())
	select {
	case said := <-bridge.fatal:
		err = errors.New("broker: " + said)
	case ok := <-ready:
		if ok {
			b.srv = srv
			bridge.started()
			return nil
		}
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	return err
}

// free gives the common failure its own words, before anything is opened.
func free(o server.MQTTOpts) error {
	if o.Port < 0 {
		return nil
	}
	addr := net.JoinHostPort(o.Host, strconv.Itoa(o.Port))
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("broker: %s is taken by another program: stop it, choose another address, or point --mqtt at the broker that runs there: %w", addr, err)
	case err != nil:
		return fmt.Errorf("broker: cannot listen on %s: %w", addr, err)
	}
	return l.Close()
}

func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe*")
	if err != nil {
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

// acquire takes the folder's lock; the broker of a process that was just killed may hold it for a moment longer.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockLimit); ; time.Sleep(50 * time.Millisecond) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if time.Now().After(end) {
			_ = f.Close()
			return nil, err
		}
	}
}

// URL is where clients of this machine connect: tcp://127.0.0.1:1883.
func (b *Broker) URL() string { return b.url }

// Close ends all connections and the store, and returns when both are gone. It may be called again.
func (b *Broker) Close() {
	b.stop.Do(func() {
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
		_ = b.lock.Close()
		b.log.Info("broker stopped")
	})
}
