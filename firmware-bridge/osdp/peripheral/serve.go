package peripheral

import (
	"context"
	"io"
	"time"
)

// Serve lets the PDs of a line answer what comes from port, in real time, until ctx is done or the port fails; the error
// is the port's, or nil when ctx is done. Clock is the time that the PDs are told. It closes the port, which
// must end a read that waits. It runs one goroutine besides its own, which ends with it.
func Serve(ctx context.Context, port io.ReadWriteCloser, line *Line, clock func() time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	heard, failed := make(chan []byte), make(chan error, 1)
	go func() { failed <- listen(ctx, port, heard) }()
	err := serve(ctx, port, line, clock, heard)
	cancel()
	port.Close()
	if cause := <-failed; err == nil {
		err = cause
	}
	return err
}

func serve(ctx context.Context, port io.Writer, line *Line, clock func() time.Duration, heard <-chan []byte) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case b, ok := <-heard:
			if !ok {
				return nil
			}
			line.Send(clock(), b)
		case <-timer.C:
		}
		for _, b := range line.Advance(clock()) {
			if _, err := port.Write(b.Bytes); err != nil {
				return err
			}
		}
		if next, ok := line.Next(); ok {
			timer.Reset(max(next-clock(), 0))
		}
	}
}

// listen hands on what the port gives, and closes heard when it fails.
func listen(ctx context.Context, port io.Reader, heard chan<- []byte) error {
	defer close(heard)
	for {
		b := make([]byte, 256)
		n, err := port.Read(b)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		select {
		case heard <- b[:n]:
		case <-ctx.Done():
			return nil
		}
	}
}
