// Package influxd runs a real InfluxDB 1.8 as a child process, for the demo and for tests. It finds or builds the binary,
// writes its configuration, waits until it is healthy, creates the database and takes the child down with itself.
//
// It never listens beyond loopback, because this InfluxDB asks for no password; production runs InfluxDB 2.x as a service
// of its own. It never restarts the child: a supervisor waits on Exited and calls Start again on the same folder.
//
// Concurrency: a Server may be used from any goroutine. One folder belongs to one influxd at a time, held by a lock that
// the child keeps even when this process is killed. The child's log is bounded to two files of 4 MB.
package influxd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bucket is the database that Start creates, with its retention policy, as Flux names them.
const Bucket = database + "/autogen"

const (
	database   = "kapija"
	startLimit = 2 * time.Minute  // a large write-ahead log is replayed before /health answers
	lockLimit  = 10 * time.Second // an influxd of a killed parent is gone by then
	stopLimit  = 5 * time.Second
)

// Config says what to run. Dir is needed; everything else has a default.
type Config struct {
	Dir      string    // holds the data, the configuration and influxd.log; created when missing
	Addr     string    // loopback host:port of HTTP; empty or port 0: a free port
	Binary   string    // path of influxd; empty: Binary finds or builds it
	Progress io.Writer // told about a build; may be nil
	Log      *slog.Logger
}

// Server is a running influxd and what a client needs to reach it.
type Server struct {
	URL    string // http://127.0.0.1:8086
	Bucket string // kapija/autogen
	Token  string // empty: it asks for none
	Org    string // empty: InfluxDB 1.8 has no organisations

	cmd    *exec.Cmd
	log    *slog.Logger
	out    *boundedLog
	exited chan struct{}
	failed error // of the child; read after exited is closed
	close  sync.Once
	down   chan struct{} // closed by Close
}

// Start runs influxd on c.Dir and returns when it answers and the database exists. The context bounds the start only.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if err := loopback(c.Addr); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.Dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("influxd: the data folder %s cannot be used: choose one that is writable: %w", c.Dir, err)
	}
	if c.Binary == "" {
		if c.Binary, err = Binary(ctx, c.Progress); err != nil {
			return nil, err
		}
	}
	lockCtx, cancel := context.WithTimeoutCause(ctx, lockLimit, errors.New("another influxd runs on this folder: stop it or choose another folder"))
	defer cancel()
	lock, err := acquire(lockCtx, filepath.Join(dir, "lock"), func() {})
	if err != nil {
		return nil, fmt.Errorf("influxd: the data folder %s cannot be used: %w", dir, err)
	}
	defer func() { _ = lock.Close() }() // the child keeps its copy
	return start(ctx, c, dir, lock)
}

func start(ctx context.Context, c Config, dir string, lock *os.File) (*Server, error) {
	addr, err := free(ctx, c.Addr)
	if err != nil {
		return nil, err
	}
	text, err := render(dir, addr)
	if err != nil {
		return nil, fmt.Errorf("influxd: %w", err)
	}
	conf := filepath.Join(dir, "influxd.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("influxd: the data folder %s cannot be used: choose one that is writable: %w", dir, err)
	}
	out, err := openLog(filepath.Join(dir, "influxd.log"))
	if err != nil {
		return nil, fmt.Errorf("influxd: %w", err)
	}
	s := &Server{URL: "http://" + addr, Bucket: Bucket, log: c.Log, out: out, exited: make(chan struct{}), down: make(chan struct{})}
	s.cmd = exec.Command(c.Binary, "run", "-config", conf)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.ExtraFiles = []*os.File{lock}
	// INFLUXDB_… variables would override the configuration.
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "INFLUXDB_") {
			s.cmd.Env = append(s.cmd.Env, kv)
		}
	}
	diesWithUs(s.cmd)
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		out.close()
		return nil, fmt.Errorf("influxd: cannot run %s: %w", c.Binary, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		said := out.lines()
		_ = s.Close()
		return nil, fmt.Errorf("influxd: %w%s", err, said)
	}
	s.log.Info("influxd answers", "url", s.URL, "pid", s.PID())
	return s, nil
}

// run starts the child and waits for it on one operating-system thread: the kernel kills the child when that thread ends.
func (s *Server) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	s.failed = s.cmd.Wait()
	s.out.close()
	select {
	case <-s.down:
	default:
		s.log.Warn("influxd has ended", "cause", s.failed)
	}
	close(s.exited)
}

// ready waits for /health and creates the database; creating it again does nothing.
func (s *Server) ready(ctx context.Context) error {
	for {
		err := s.get(ctx, "/health", nil)
		if err == nil {
			err = s.get(ctx, "/query", url.Values{"q": {`CREATE DATABASE "` + database + `"`}})
		}
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it ended while starting (%v); its last words", s.failed)
		case <-ctx.Done():
			return fmt.Errorf("it did not answer on %s in time: %w; its last words", s.URL, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) get(ctx context.Context, path string, form url.Values) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: %s", path, resp.Status, strings.TrimSpace(string(said)))
	}
	return nil
}

// PID is the child's process number.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Exited is closed when the child has ended, by Close or by itself.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Close asks the child to stop, kills it after 5 s, and returns when it is gone. It may be called again.
func (s *Server) Close() error {
	s.close.Do(func() {
		close(s.down)
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
		case <-time.After(stopLimit):
			s.log.Warn("influxd did not stop in time: killing it")
			_ = killGroup(s.cmd)
		}
	})
	<-s.exited
	return nil
}

func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("influxd: address %q is not of the form 127.0.0.1:8086: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("influxd: address %q is not on loopback, and this InfluxDB asks for no password: use 127.0.0.1:port, or run InfluxDB 2.x as a service", addr)
	}
	return nil
}

// free proves that an address can be listened on, and picks the port when none is given.
func free(ctx context.Context, addr string) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return "", fmt.Errorf("influxd: %s is taken by another program: stop it, choose another address, %s: %w", addr, help, err)
		}
		return "", fmt.Errorf("influxd: cannot listen on %s: %w", addr, err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
