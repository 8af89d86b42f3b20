package osdp_test

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/serialport"
)

// openPty opens both ends; a read of the master ends when it is closed.
func openPty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	blocking, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer blocking.Close()
	fd, err := syscall.Dup(int(blocking.Fd()))
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), blocking.Name()), slave
}

// The driver over the kernel's serial layer: a pty whose other end is served by a simulated reader.
func TestOverAPty(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		master, slave := openPty(t)
		defer slave.Close() // held, so that the master does not fail while the driver opens the port anew
		cfg, r := m.pd(0)
		pd := peripheral.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		begin := time.Now()
		served := make(chan error, 1)
		go func() {
			served <- peripheral.Serve(ctx, master, peripheral.NewLine(0, pd), func() time.Duration { return time.Since(begin) })
		}()
		bus, err := osdp.New("pty", func() (bridge.Port, error) {
			return serialport.Open(slave.Name(), 115200, &serialport.Opts{RS485: true})
		}, osdp.Opts{Baud: 115200, Readers: []osdp.Reader{{ID: "door", Address: 0, Key: r.Key, ClearText: r.ClearText, Formats: formats(t)}}})
		if err != nil {
			t.Fatal(err)
		}
		out, ended := make(chan bridge.Signal), make(chan error, 1)
		go func() { ended <- bus.Run(ctx, out) }()
		// until waits for the first signal that is so; the test's own deadline bounds it.
		until := func(so func(any) bool) bridge.Signal {
			for {
				select {
				case s := <-out:
					if so(s.What) {
						return s
					}
				case err := <-served:
					t.Fatal("the simulated reader ended: ", err)
				}
			}
		}
		until(func(w any) bool { h, ok := w.(bridge.Health); return ok && h.Online })
		bits, n, err := formats(t)[0].Encode(118, 1603)
		if err != nil {
			t.Fatal(err)
		}
		if err := pd.Card(bits, n); err != nil {
			t.Fatal(err)
		}
		s := until(func(w any) bool { _, ok := w.(bridge.Read); return ok })
		if got := s.What.(bridge.Read); s.Device != "door" || got.Format != "wiegand-26" || got.Fault != bridge.NoFault || !slices.Equal(got.Bits, bits) {
			t.Errorf("a card at %s of format %q, fault %q", s.Device, got.Format, got.Fault)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
