package panel

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func file(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func (l *line) sendFile(data []byte) {
	l.t.Helper()
	if err := l.p.SendFile(1, 1, data); err != nil {
		l.t.Fatal(err)
	}
}

// end is how the transfer ended.
func (l *line) end(d time.Duration) Transfer {
	l.t.Helper()
	ended := func() bool {
		all := told[Transfer](l)
		return len(all) > 0 && (all[len(all)-1].Done || all[len(all)-1].Failed != "")
	}
	if !l.until(d, ended) {
		l.t.Fatalf("no end%s", l.story())
	}
	all := told[Transfer](l)
	return all[len(all)-1]
}

func TestFileTransfer(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		data := file(t, 5000)
		l.sendFile(data)
		if err := l.p.SendFile(1, 1, data); err == nil {
			t.Error("two files at a time")
		}
		end := l.end(2 * time.Minute)
		if !end.Done || end.Sent != 5000 || end.Total != 5000 || !bytes.Equal(l.devices[0].file, data) {
			t.Errorf("%+v", end)
		}
		if n := len(told[Transfer](l)); n < 10 || n > 11 {
			t.Errorf("progress was told %d times", n)
		}
		for _, f := range l.sent {
			if f.Size() > 128 {
				t.Fatalf("a frame of %d bytes, the reader takes 128", f.Size())
			}
		}
	})
}

func TestFileTransferHonoursDelaySizeAndStatus(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		data := file(t, 2000)
		var at []time.Duration
		var sizes []int
		finishing := 0
		d.ft = func(d *device, c wire.FileTransfer) wire.FTStat {
			at = append(at, l.now)
			sizes = append(sizes, len(c.Part))
			s := d.take(c)
			s.Delay, s.Max = 300, 80
			if s.Status == wire.FileProcessed && finishing < 3 {
				finishing++
				s.Status = wire.FileFinishing
				if len(c.Part) > 0 && finishing > 1 {
					t.Error("data was sent again")
				}
			}
			return s
		}
		l.sendFile(data)
		polls := d.count(wire.CmdPoll)
		if end := l.end(time.Minute); !end.Done || !bytes.Equal(d.file, data) {
			t.Fatalf("%+v", end)
		}
		for i := range at {
			if i > 0 && at[i]-at[i-1] < 300*ms {
				t.Errorf("part %d came after %v", i, at[i]-at[i-1])
			}
			if i > 0 && sizes[i] > 80-8-11 {
				t.Errorf("part %d has %d bytes", i, sizes[i])
			}
		}
		if sizes[len(sizes)-1] != 0 {
			t.Error("the reader was not asked whether it is at the end")
		}
		if n := d.count(wire.CmdPoll) - polls; n < 3*len(at) {
			t.Errorf("polled %d times for %d parts 300 ms apart", n, len(at))
		}
	})
}

func TestFileTransferThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(l *line, d *device)
		want    string
	}{
		"aborted": {func(l *line, d *device) {
			d.ft = func(d *device, c wire.FileTransfer) wire.FTStat { return wire.FTStat{Status: wire.FileAborted} }
		}, "the reader aborted"},
		"malformed": {func(l *line, d *device) {
			d.ft = func(d *device, c wire.FileTransfer) wire.FTStat {
				if c.Offset > 300 {
					return wire.FTStat{Status: wire.FileMalformed}
				}
				return d.take(c)
			}
		}, "malformed"},
		"refused": {func(l *line, d *device) { d.deaf = map[byte]byte{wire.CmdFileTransfer: wire.NakUnknown} }, "NAK 3"},
		"too small": {func(l *line, d *device) {
			d.ft = func(d *device, c wire.FileTransfer) wire.FTStat { s := d.take(c); s.Max = 19; return s }
		}, "frames of 19 bytes"},
		"offline": {func(l *line, d *device) {
			d.ft = func(d *device, c wire.FileTransfer) wire.FTStat { d.dead = true; return d.take(c) }
		}, "offline"},
		"at work for ever": {func(l *line, d *device) {
			d.ft = func(d *device, c wire.FileTransfer) wire.FTStat {
				s := d.take(c)
				if s.Status == wire.FileProcessed {
					s.Status = wire.FileFinishing
				}
				return s
			}
		}, "at work for 5 minutes"},
		"restarts for ever": {func(l *line, d *device) {
			d.ft = func(d *device, c wire.FileTransfer) wire.FTStat {
				if c.Offset > 200 {
					d.powerCut()
				}
				return d.take(c)
			}
		}, "restarts again and again"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, 1, func(t *testing.T, l *line) {
				c.prepare(l, l.devices[0])
				l.sendFile(file(t, 1000))
				if end := l.end(10 * time.Minute); end.Done || !strings.Contains(end.Failed, c.want) {
					t.Errorf("%+v", end)
				}
			})
		})
	}
	t.Run("it wants the rest in clear", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.devices[0].ft = func(d *device, c wire.FileTransfer) wire.FTStat {
			return wire.FTStat{Action: wire.FileInClear}
		}
		l.sendFile(file(t, 1000))
		if end := l.end(time.Minute); !strings.Contains(end.Failed, "without encryption") {
			t.Errorf("%+v", end)
		}
	})
	t.Run("nothing, and too much", func(t *testing.T) {
		l := plain(t, 1)
		l.up()
		for _, n := range []int{0, maxFile + 1} {
			if err := l.p.SendFile(1, 1, make([]byte, n)); err == nil {
				t.Errorf("%d bytes are taken", n)
			}
		}
	})
}

func TestFileTransferSurvivesFaults(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		data := file(t, 4000)
		l.sendFile(data)
		n := 0
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if n++; n%9 == 0 {
				return nil, 0
			}
			if n == 50 || n == 150 {
				d.powerCut()
				d.file = nil
			}
			if n%13 == 0 && reply {
				d.busy = 2
			}
			return b, 0
		}
		if end := l.end(10 * time.Minute); !end.Done || !bytes.Equal(d.file, data) {
			t.Errorf("%+v", end)
		}
	})
}
