package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	stopLimit  = 4 * time.Second // for a child to end by itself
	startAgain = 500 * time.Millisecond
)

// child is one process that is kept running.
type child struct {
	name string // as in the log
	argv []string
	env  []string
	log  string // file
	say  io.Writer
	pid  atomic.Int64

	started func() // told after each start
}

// run starts the child again whenever it ends, until ctx is done; then it asks it to end, and makes it.
func (c *child) run(ctx context.Context) error {
	for {
		began := time.Now()
		err := c.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) < startAgain {
			return fmt.Errorf("demo: %s ended at once (%w); its log says:\n%s", c.name, cause(err), tail(c.log))
		}
		fmt.Fprintf(c.say, "%s has ended (%v); starting it again\n", c.name, cause(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(startAgain):
		}
	}
}

func cause(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// once runs the child from its own operating-system thread: the kernel kills the child when that thread ends, and so
// also when this process is killed.
func (c *child) once(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(c.log), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			done <- err
			return
		}
		c.pid.Store(int64(cmd.Process.Pid))
		if c.started != nil {
			c.started()
		}
		done <- cmd.Wait()
	}()
	return <-done
}

// tail is the end of a log.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}
