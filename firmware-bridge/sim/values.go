package sim

import (
	"encoding/binary"
	"fmt"

	"periph.io/x/conn/v3/onewire"

	"kapija/internal/brick"
)

// detector is a PIR or a leak detector: a line.
type detector struct {
	*lines
	kind string
	low  bool
}

func (d detector) set(quantity string, value float64) error {
	want := brick.Motion
	if d.kind == "leak" {
		want = brick.Leak
	}
	if quantity != want || value != 0 && value != 1 {
		return fmt.Errorf("%s sees %s: 0 or 1", d.kind, want)
	}
	d.lines.set((value == 1) != d.low)
	return nil
}

type radarValue struct{ *LD2410 }

func (r radarValue) set(quantity string, value float64) error { return r.Set(quantity, value) }

type thermometerValue struct{ *DS18B20 }

func (t thermometerValue) set(quantity string, value float64) error { return t.Set(quantity, value) }

// virtualROM is the address of a DS18B20: family 0x28, a number from its ID, and the CRC.
func virtualROM(id string) onewire.Address {
	var rom [8]byte
	rom[0] = 0x28
	binary.LittleEndian.PutUint32(rom[1:], serialOf(id))
	rom[7] = onewire.CalcCRC(rom[:7])
	return onewire.Address(binary.LittleEndian.Uint64(rom[:]))
}
