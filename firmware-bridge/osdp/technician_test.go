package osdp_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// bench gives the port of a line with readers, in a synctest bubble.
func bench(t *testing.T, test func(t *testing.T, port bridge.Port, pds []*peripheral.PD), cfgs ...peripheral.Config) {
	synctest.Test(t, func(t *testing.T) {
		var pds []*peripheral.PD
		for _, c := range cfgs {
			pds = append(pds, peripheral.New(c))
		}
		line := peripheral.NewLine(9600, pds...)
		port, far := peripheral.Pipe(line.SetBaud)
		begin, ended := time.Now(), make(chan error, 1)
		go func() {
			ended <- peripheral.Serve(t.Context(), far, line, func() time.Duration { return time.Since(begin) + time.Second })
		}()
		test(t, port, pds)
		if err := port.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
}

func TestScan(t *testing.T) {
	secured, _ := sealed.pd(3)
	plain, _ := clear.pd(7)
	plain.Plain = true
	fast, _ := sealed.pd(126)
	fast.Baud = 38400
	bench(t, func(t *testing.T, port bridge.Port, _ []*peripheral.PD) {
		var got []osdp.Found
		begin := time.Now()
		if err := osdp.Scan(t.Context(), port, []int{9600, 38400}, func(int) {}, func(f osdp.Found) { got = append(got, f) }); err != nil {
			t.Fatal(err)
		}
		want := []osdp.Found{
			{Baud: 9600, Address: 3, ID: wire.ID(identity(3)), Secure: true},
			{Baud: 9600, Address: 7, ID: wire.ID(identity(7)), Secure: false},
			{Baud: 38400, Address: 126, ID: wire.ID(identity(126)), Secure: true},
		}
		slices.SortFunc(got, func(a, b osdp.Found) int { return a.Baud - b.Baud + int(a.Address) - int(b.Address) })
		if !slices.Equal(got, want) {
			t.Errorf("found %+v", got)
		}
		if took := time.Since(begin); took > 90*time.Second {
			t.Errorf("it took %v", took)
		}
	}, secured, plain, fast)
}

func TestScanFindsASingleReaderSoon(t *testing.T) {
	only, _ := sealed.pd(2)
	only.Baud = 115200
	bench(t, func(t *testing.T, port bridge.Port, _ []*peripheral.PD) {
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		err := osdp.Scan(ctx, port, []int{9600, 38400, 115200}, func(int) {}, func(f osdp.Found) {
			if f.Baud != 115200 || f.Address != 2 {
				t.Errorf("found %+v", f)
			}
			cancel()
		})
		if !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
			t.Errorf("error %v after %v", err, time.Since(begin))
		}
	}, only)
}

func TestInfo(t *testing.T) {
	k := key(0)
	other := key(1)
	own, _ := sealed.pd(0)
	open, _ := clear.pd(0)
	for name, c := range map[string]struct {
		pd       peripheral.Config
		key      *secure.Key
		verified bool
		says     string // of the error
	}{
		"with its key":       {own, &k, true, ""},
		"without a key":      {own, nil, false, ""},
		"in clear":           {open, nil, false, ""},
		"with another key":   {own, &other, false, "another key"},
		"nobody there":       {peripheral.Config{Address: 9}, &k, false, "no answer"},
		"nobody there, open": {peripheral.Config{Address: 9}, nil, false, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			bench(t, func(t *testing.T, port bridge.Port, _ []*peripheral.PD) {
				d, err := osdp.Info(t.Context(), port, osdp.Target{Key: c.key})
				if c.says != "" {
					if err == nil || !strings.Contains(err.Error(), c.says) {
						t.Errorf("error %v, expected one that says %q", err, c.says)
					}
					return
				}
				if err != nil || d.ID != wire.ID(identity(0)) || d.Verified != c.verified || d.Caps.Get(wire.CapOutputs).Count != 2 {
					t.Errorf("details %+v, error %v", d, err)
				}
			}, c.pd)
		})
	}
}

func TestPair(t *testing.T) {
	old := key(5)
	for name, c := range map[string]struct {
		pd     peripheral.Config
		key    *secure.Key
		fault  peripheral.Fault
		failed bool
	}{
		"out of the box":         {peripheral.Config{ID: identity(0)}, nil, "", false},
		"with its key":           {peripheral.Config{ID: identity(0), Key: old}, &old, "", false},
		"a noisy line":           {peripheral.Config{ID: identity(0)}, nil, peripheral.Garbage, false},
		"it has a key already":   {peripheral.Config{ID: identity(0), Key: old}, nil, "", true},
		"it knows no encryption": {peripheral.Config{ID: identity(0), Plain: true}, nil, "", true},
		"nobody there":           {peripheral.Config{Address: 9}, nil, "", true},
		"it does not accept us":  {peripheral.Config{ID: identity(0)}, nil, peripheral.RefuseKey, true},
	} {
		t.Run(name, func(t *testing.T) {
			bench(t, func(t *testing.T, port bridge.Port, pds []*peripheral.PD) {
				if c.fault != "" {
					if err := pds[0].Inject(c.fault, -1); err != nil {
						t.Fatal(err)
					}
				}
				var kept secure.Key
				before := pds[0].Key()
				begin := time.Now()
				got, id, err := osdp.Pair(t.Context(), port, osdp.Target{Key: c.key}, time.Minute, func(k secure.Key) error {
					if pds[0].Key() != before {
						t.Error("the reader has a key that was not stored")
					}
					kept = k
					return nil
				})
				if time.Since(begin) > 65*time.Second {
					t.Errorf("it took %v", time.Since(begin))
				}
				if c.failed {
					if err == nil || errors.Is(err, osdp.ErrUnsure) || got != (secure.Key{}) || pds[0].Key() != before {
						t.Errorf("error %v", err)
					}
					return
				}
				if err != nil || got != kept || pds[0].Key() != got || id != wire.ID(identity(0)) || secure.Check(got) != nil {
					t.Errorf("error %v, reader %v", err, id)
				}
				if _, own := pds[0].Secure(); !own {
					t.Error("it did not prove the key")
				}
			}, c.pd)
		})
	}
	t.Run("the key cannot be stored", func(t *testing.T) {
		bench(t, func(t *testing.T, port bridge.Port, pds []*peripheral.PD) {
			full := errors.New("no space left on device")
			if _, _, err := osdp.Pair(t.Context(), port, osdp.Target{}, time.Minute, func(secure.Key) error { return full }); !errors.Is(err, full) {
				t.Errorf("error %v", err)
			}
			if pds[0].Key() != (secure.Key{}) {
				t.Error("it was given a key")
			}
		}, peripheral.Config{})
	})
	t.Run("it may have the key", func(t *testing.T) {
		bench(t, func(t *testing.T, port bridge.Port, pds []*peripheral.PD) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { // the reader is torn off as soon as it has the key
				for pds[0].Key() == (secure.Key{}) && ctx.Err() == nil {
					<-time.After(time.Millisecond)
				}
				pds[0].Inject(peripheral.LoseCommand, -1) //nolint:errcheck // the fault is known
			}()
			if _, _, err := osdp.Pair(ctx, port, osdp.Target{}, time.Minute, nil); !errors.Is(err, osdp.ErrUnsure) {
				t.Errorf("error %v", err)
			}
		}, peripheral.Config{ID: identity(0)})
	})
}

func TestSetCommAndUpdate(t *testing.T) {
	k := key(0)
	own, _ := sealed.pd(0)
	bench(t, func(t *testing.T, port bridge.Port, pds []*peripheral.PD) {
		if err := osdp.SetComm(t.Context(), port, osdp.Target{Key: &k}, 4, 57600); err != nil {
			t.Fatal(err)
		}
		if pds[0].Address() != 4 || pds[0].Baud() != 57600 {
			t.Fatalf("it is at %d, %d baud", pds[0].Address(), pds[0].Baud())
		}
		data := firmware(4000)
		told := []int{}
		at := osdp.Target{Address: 4, Baud: 57600, Key: &k}
		if err := osdp.Update(t.Context(), port, at, data, func(sent, total int) { told = append(told, sent) }); err != nil {
			t.Fatal(err)
		}
		if got, _ := pds[0].File(); !bytes.Equal(got, data) || len(told) < 5 || !slices.IsSorted(told) || told[len(told)-1] != len(data) {
			t.Errorf("%d bytes arrived, told %v", len(got), told)
		}
	}, own)
	own.File.Final = wire.FileUnknown
	bench(t, func(t *testing.T, port bridge.Port, pds []*peripheral.PD) {
		err := osdp.Update(t.Context(), port, osdp.Target{Key: &k}, firmware(100), nil)
		if err == nil || !strings.Contains(err.Error(), "does not know such a file") {
			t.Errorf("error %v", err)
		}
	}, own)
}
