package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"
)

// The size of one bus's capture, and how much of it may wait for a slow disk.
const (
	captureMB    = 4
	captureOlder = 2    // files of that size besides the one that is written
	captureQueue = 4096 // lines
)

// captures writes what passes over the buses of OSDP readers into files of a folder, one for each bus. A disk that is slow
// delays no reader: what does not fit into the queue is left out, and the next line says how much that was.
type captures struct {
	dir    string // empty: nothing is captured
	queues []*queue
}

// of is where the frames of one bus go; nil: nowhere.
func (c *captures) of(bus string) io.Writer {
	if c.dir == "" {
		return nil
	}
	q := &queue{lines: make(chan []byte, captureQueue), done: make(chan error, 1),
		to: &lumberjack.Logger{Filename: filepath.Join(c.dir, bus+".log"), MaxSize: captureMB, MaxBackups: captureOlder}}
	c.queues = append(c.queues, q)
	go q.run()
	return q
}

// Close writes what waits. Nothing may be written afterwards.
func (c *captures) Close() error {
	var errs []error
	for _, q := range c.queues {
		q.mu.Lock()
		q.closed = true
		close(q.lines)
		q.mu.Unlock()
		errs = append(errs, <-q.done)
	}
	return errors.Join(errs...)
}

// queue is the lines of one bus on their way to the disk.
type queue struct {
	to    io.WriteCloser
	lines chan []byte
	done  chan error

	mu     sync.Mutex
	lost   int
	closed bool
}

// Write never waits and never fails.
func (q *queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return len(line), nil
	}
	text := append([]byte(nil), line...)
	if q.lost > 0 {
		text = append(q.missing(), text...)
	}
	select {
	case q.lines <- text:
		q.lost = 0
	default:
		q.lost++
	}
	return len(line), nil
}

// missing says how much was left out.
func (q *queue) missing() []byte {
	return fmt.Appendf(nil, "%d lines are missing here: the disk was too slow\n", q.lost)
}

// run writes until there is nothing more to come. After an error the rest is left out.
func (q *queue) run() {
	var failed error
	for line := range q.lines {
		if failed == nil {
			_, failed = q.to.Write(line)
		}
	}
	if q.lost > 0 && failed == nil { // nobody writes any more
		_, failed = q.to.Write(q.missing())
	}
	q.done <- errors.Join(failed, q.to.Close())
}
