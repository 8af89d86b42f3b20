package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"
)

const (
	maxPath        = 107              // bytes of a Unix socket's path on Linux
	maxLine        = 4096             // bytes of a command
	maxConnections = 32               //
	answeredIdle   = time.Second      // a connection that has been answered may be silent for so long
	firstIdle      = 30 * time.Second // a connection that has asked nothing yet
	writeLimit     = 5 * time.Second  // for a client that does not read its answer
)

// server gives the commands of Wires on a Unix socket. One goroutine accepts, one serves each connection. Of the
// connections beyond the limit, as many again are told so, and more are closed without a word.
type server struct {
	wires    *Wires
	listener *net.UnixListener
	done     sync.WaitGroup

	mu    sync.Mutex
	conns map[*net.UnixConn]bool
	ended bool
}

// listen makes the socket. Nobody is answered yet.
func listen(path string) (*net.UnixListener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("sim: socket path %s has %d bytes; at most %d are possible, choose a shorter folder",
			path, len(path), maxPath)
	}
	if err := vacate(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("sim: socket %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("sim: socket %s: %w", path, err)
	}
	return l, nil
}

// vacate removes the socket file of a dead process.
func vacate(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sim: socket %s: %w", path, err)
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("sim: %s exists and is not a socket; remove it or choose another path", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return fmt.Errorf("sim: socket %s is served by a running process; stop that or choose another path", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sim: stale socket %s: %w", path, err)
	}
	return nil
}

func (s *server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, say
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.admit(c)
	}
}

func (s *server) admit(c *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || len(s.conns) >= 2*maxConnections {
		_ = c.Close()
		return
	}
	serve := s.talk
	if len(s.conns) >= maxConnections {
		serve = func(c *net.UnixConn) {
			refuse(c, fmt.Sprintf("%d connections are open, which is the limit; close one", maxConnections))
		}
	}
	s.conns[c] = true
	s.done.Go(func() {
		serve(c)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
		_ = c.Close()
	})
}

func (s *server) talk(c *net.UnixConn) {
	in := bufio.NewReaderSize(c, maxLine)
	idle := firstIdle
	for {
		_ = c.SetReadDeadline(time.Now().Add(idle))
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			refuse(c, fmt.Sprintf("the line is longer than %d bytes", maxLine))
			return
		case errors.Is(err, io.EOF) && len(line) > 0: // the last line may lack its end
		case errors.Is(err, os.ErrDeadlineExceeded) && len(line) > 0:
			refuse(c, "the line has no end; end it with a newline")
			return
		case err != nil:
			return
		}
		got, failed := s.wires.Do(s.wires.ctx, string(line))
		if failed != nil {
			got = "error: " + failed.Error()
		}
		if answer(c, got) != nil || err != nil {
			return
		}
		idle = answeredIdle
	}
}

// refuse answers for the last time. What the client still sends is taken and forgotten: closing with it unread would
// make the client lose the answer.
func refuse(c *net.UnixConn, reason string) {
	if answer(c, "error: "+reason) != nil || c.CloseWrite() != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(answeredIdle))
	_, _ = io.Copy(io.Discard, c)
}

func answer(c net.Conn, line string) error {
	_ = c.SetWriteDeadline(time.Now().Add(writeLimit))
	_, err := io.WriteString(c, line+"\n")
	return err
}

func (s *server) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.ended = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
	return err
}
