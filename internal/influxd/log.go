package influxd

import (
	"bytes"
	"os"
	"strings"
	"sync"
)

const (
	logLimit = 4 << 20 // bytes of influxd.log before it becomes influxd.log.1
	lastKept = 20      // lines that an error shows
)

// boundedLog is the child's output: a file of at most logLimit bytes, the file before it, and the last lines in memory.
// What does not fit on the disk is dropped; the child is never held up.
type boundedLog struct {
	path string

	mu   sync.Mutex
	f    *os.File
	size int64
	last []string
	part []byte // a line that has no end yet
}

func openLog(path string) (*boundedLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	l := &boundedLog{path: path, f: f}
	if st, err := f.Stat(); err == nil {
		l.size = st.Size()
	}
	return l, nil
}

func (l *boundedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(p)
	if l.size+int64(len(p)) > logLimit {
		l.rotate()
	}
	if l.f != nil {
		n, _ := l.f.Write(p)
		l.size += int64(n)
	}
	return len(p), nil
}

func (l *boundedLog) remember(p []byte) {
	l.part = append(l.part, p...)
	for {
		line, rest, ok := bytes.Cut(l.part, []byte("\n"))
		if !ok {
			break
		}
		l.part = rest
		if len(bytes.TrimSpace(line)) > 0 {
			l.last = append(l.last, string(line))
		}
	}
	if len(l.last) > lastKept {
		l.last = append([]string{}, l.last[len(l.last)-lastKept:]...)
	}
	if len(l.part) > 4096 {
		l.part = l.part[:0]
	}
}

func (l *boundedLog) rotate() {
	_ = l.f.Close()
	_ = os.Rename(l.path, l.path+".1")
	l.f, _ = os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	l.size = 0
}

func (l *boundedLog) lines() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tail(strings.Join(l.last, "\n"), lastKept)
}

func (l *boundedLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
}
