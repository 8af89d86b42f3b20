package pn532

import (
	"context"
	"errors"
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// transport is one of the chip's three ways to its host (section 6.2.3 to 6.2.5).
type transport interface {
	// wake takes the chip out of its power-down, in which it is after power-on.
	wake(ctx context.Context) error
	// send writes one frame.
	send(f []byte) error
	// receive waits until the chip has a frame and returns at least size bytes from its beginning, or as many as there
	// are. The error is errSilent when there was none until then.
	receive(ctx context.Context, until time.Time, size int) ([]byte, error)
	// discard throws away what the chip sent unread.
	discard(ctx context.Context) error
}

// errSilent says that the chip had nothing to say in time.
var errSilent = errors.New("the chip does not answer: check power, wiring and its interface switches")

const (
	ackTime   = 50 * time.Millisecond // for the acknowledgement; the chip has 15 ms (section 6.2.2)
	look      = time.Millisecond      // between two questions whether a frame is there
	shortRead = 40                    // bytes that hold most frames
	attempts  = 4                     // to wake the chip, and to read a frame
)

// link is the chip at one of its transports.
type link struct{ transport }

// command runs a command and returns what follows its code in the response. One that does not end within patience is
// aborted, as is one whose ctx is done.
func (l *link) command(ctx context.Context, patience time.Duration, code byte, params ...byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err := l.send(encode(append([]byte{code}, params...)))
	if err == nil {
		err = l.acknowledged(ctx)
	}
	var got []byte
	if err == nil {
		got, err = l.response(ctx, patience, code)
	}
	if err == nil {
		return got, nil
	}
	l.abort()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("pn532: command 0x%02x: %w", code, err)
}

// abort ends what the chip does (section 6.2.1.3) and forgets what it says of it. It is best effort: when it fails, so
// does the next command.
func (l *link) abort() {
	_ = l.send(ackFrame)
	_ = l.discard(context.Background())
}

// acknowledged waits for the acknowledgement. Whole frames before it are from a command of the past.
func (l *link) acknowledged(ctx context.Context) error {
	until := time.Now().Add(ackTime)
	for range attempts {
		raw, err := l.receive(ctx, until, len(ackFrame))
		if err != nil {
			return err
		}
		f, _, err := decode(raw)
		switch {
		case err == nil && f.kind == acknowledge:
			return nil
		case err != nil && !errors.Is(err, errShort):
			return err
		}
	}
	return fmt.Errorf("no acknowledgement: %w", errGarbled)
}

// response waits for the response to code. One that is damaged, or longer than what was read of it, is asked for again
// (section 6.2.1.4).
func (l *link) response(ctx context.Context, patience time.Duration, code byte) ([]byte, error) {
	until, size := time.Now().Add(patience), shortRead
	for attempt := 1; ; attempt++ {
		raw, err := l.receive(ctx, until, size)
		if err != nil {
			return nil, err
		}
		f, used, err := decode(raw)
		switch {
		case err == nil && f.kind == information && f.data[0] == code+1:
			return f.data[1:], nil
		case err == nil && f.kind == syntaxError:
			return nil, errors.New("the chip refuses it as a syntax error: check which chip and firmware it is")
		case err == nil:
			return nil, fmt.Errorf("%w: not the response to it", errGarbled)
		case attempt == attempts:
			return nil, err
		case errors.Is(err, errShort):
			size = max(size, used)
		}
		if err := l.send(nackFrame); err != nil {
			return nil, err
		}
	}
}

// insist runs a command that may find the chip asleep.
func (l *link) insist(ctx context.Context, code byte, params ...byte) (got []byte, err error) {
	for range attempts {
		if err = l.wake(ctx); err != nil {
			err = fmt.Errorf("pn532: waking it: %w", err)
			continue
		}
		if got, err = l.command(ctx, commandTime, code, params...); err == nil || ctx.Err() != nil {
			return got, err
		}
	}
	return nil, err
}

// pulse resets the chip by its line, if there is one.
func pulse(ctx context.Context, line bridge.Output) error {
	if line == nil {
		return nil
	}
	for _, on := range []bool{true, false} {
		if err := line.Set(on); err != nil {
			return fmt.Errorf("pn532: reset line: %w", err)
		}
		if !poll.Sleep(ctx, resetTime) {
			return ctx.Err()
		}
	}
	return nil
}

// untilReady asks again and again whether a frame is there.
func untilReady(ctx context.Context, until time.Time, ready func() (bool, error)) error {
	for {
		ok, err := ready()
		if err != nil || ok {
			return err
		}
		if !time.Now().Before(until) {
			return errSilent
		}
		if !poll.Sleep(ctx, look) {
			return ctx.Err()
		}
	}
}
