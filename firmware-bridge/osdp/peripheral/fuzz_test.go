package peripheral_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/wire"
)

// Whatever comes over the line, a PD answers with whole frames from its own address, or not at all.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0xFF, 0x53, 0x00, 0x09, 0x00, 0x04, 0x61, 0x00, 0xC0, 0x66})
	f.Add([]byte{0x53, 0x00, 0xFF, 0x05, 0x00})
	for _, c := range []wire.Frame{
		{Code: wire.CmdPoll}, {Code: wire.CmdPoll, Checksum: true}, {Code: wire.CmdLED, Data: make([]byte, 28)},
		{Code: wire.CmdFileTransfer, Data: []byte{1, 9, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 7}},
		{Code: wire.CmdText, Data: []byte{0, 1, 0, 1, 1, 1, 'x'}}, {Code: wire.CmdKeySet, Data: make([]byte, 18)},
		{Code: wire.CmdChallenge, Security: wire.SCS11, SCB: []byte{0}, Data: make([]byte, 8)},
		{Code: wire.CmdSCrypt, Security: wire.SCS13, SCB: []byte{0}, Data: make([]byte, 16)},
		{Code: wire.CmdPoll, Security: wire.SCS15}, {Code: wire.CmdLED, Security: wire.SCS17, Data: make([]byte, 16)},
	} {
		f.Add(c.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		pd := peripheral.New(peripheral.Config{Open: true, Rand: rand.NewChaCha8([32]byte{})})
		for i, half := range [][]byte{b[:len(b)/2], b[len(b)/2:], b} {
			for _, burst := range pd.Receive(time.Duration(i)*time.Second/100, half) {
				r, n, err := wire.Decode(burst.Bytes[1:])
				if err != nil || n != len(burst.Bytes)-1 || !r.Reply || r.Address != pd.Address() && r.Code != wire.ReplyCom {
					t.Fatalf("it sent % x: %v", burst.Bytes, err)
				}
			}
		}
	})
}
