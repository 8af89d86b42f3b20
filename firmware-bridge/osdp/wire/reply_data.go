package wire

import (
	"encoding/binary"
	"fmt"
)

// ReplyCode is the reply's code; Data is what follows it.
func (Ack) ReplyCode() byte         { return ReplyAck }
func (Busy) ReplyCode() byte        { return ReplyBusy }
func (Nak) ReplyCode() byte         { return ReplyNak }
func (ID) ReplyCode() byte          { return ReplyPDID }
func (Caps) ReplyCode() byte        { return ReplyPDCap }
func (LocalStatus) ReplyCode() byte { return ReplyLStat }
func (Inputs) ReplyCode() byte      { return ReplyIStat }
func (Outputs) ReplyCode() byte     { return ReplyOStat }
func (Readers) ReplyCode() byte     { return ReplyRStat }
func (Raw) ReplyCode() byte         { return ReplyRaw }
func (Fmt) ReplyCode() byte         { return ReplyFmt }
func (Keypad) ReplyCode() byte      { return ReplyKeypad }
func (Com) ReplyCode() byte         { return ReplyCom }
func (CCrypt) ReplyCode() byte      { return ReplyCCrypt }
func (RMAC) ReplyCode() byte        { return ReplyRMAC }
func (FTStat) ReplyCode() byte      { return ReplyFTStat }

func (Ack) Data() []byte       { return nil }
func (Busy) Data() []byte      { return nil }
func (n Nak) Data() []byte     { return []byte{n.Reason} }
func (i Inputs) Data() []byte  { return clone(i) }
func (o Outputs) Data() []byte { return clone(o) }
func (r Readers) Data() []byte { return clone(r) }

// Some reasons come with details, which are not kept.
func parseNak(b []byte) (Reply, error) {
	if len(b) == 0 {
		return nil, wrong("NAK", 0, "at least 1")
	}
	return Nak{b[0]}, nil
}

func (i ID) Data() []byte {
	b := append(i.Vendor[:], i.Model, i.Version)
	b = binary.LittleEndian.AppendUint32(b, i.Serial)
	return append(b, i.Firmware[:]...)
}

func parseID(b []byte) (Reply, error) {
	if len(b) != 12 {
		return nil, wrong("PDID", len(b), "12")
	}
	return ID{[3]byte(b), b[3], b[4], binary.LittleEndian.Uint32(b[5:]), [3]byte(b[9:])}, nil
}

func (c Caps) Data() []byte {
	var b []byte
	for _, x := range c {
		b = append(b, x.Function, x.Level, x.Count)
	}
	return b
}

func parseCaps(b []byte) (Reply, error) {
	if len(b)%3 != 0 {
		return nil, wrong("PDCAP", len(b), "3 for each function")
	}
	caps := Caps{}
	for ; len(b) > 0; b = b[3:] {
		if b[0] >= CapInputs && b[0] <= CapVersion {
			caps = append(caps, Capability{b[0], b[1], b[2]})
		}
	}
	return caps, nil
}

func (l LocalStatus) Data() []byte { return []byte{bit(l.Tamper), bit(l.PowerFailure)} }

func parseLocal(b []byte) (Reply, error) {
	if len(b) != 2 {
		return nil, wrong("LSTATR", len(b), "2")
	}
	return LocalStatus{b[0] != 0, b[1] != 0}, nil
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (r Raw) Data() []byte {
	return append([]byte{r.Reader, r.Kind, byte(r.Len), byte(r.Len >> 8)}, r.Bits...)
}

func parseRaw(b []byte) (Reply, error) {
	if len(b) < 4 {
		return nil, wrong("RAW", len(b), "at least 4")
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n == 0 || n > MaxBits {
		return nil, fmt.Errorf("osdp: RAW of %d bits, expected 1 to %d", n, MaxBits)
	}
	size := (n + 7) / 8
	if len(b) < 4+size {
		return nil, wrong("RAW", len(b), fmt.Sprintf("%d for its %d bits", 4+size, n))
	}
	bits := clone(b[4 : 4+size])
	bits[size-1] &= 0xFF << (8*size - n)
	return Raw{b[0], b[1], bits, n}, nil
}

// Data has no characters.
func (f Fmt) Data() []byte { return []byte{f.Reader, 0, 0} }

func parseFmt(b []byte) (Reply, error) {
	if len(b) < 3 {
		return nil, wrong("FMT", len(b), "at least 3")
	}
	return Fmt{b[0]}, nil
}

// Data cuts the keys at 255.
func (k Keypad) Data() []byte {
	keys := k.Keys[:min(len(k.Keys), 255)]
	return append([]byte{k.Reader, byte(len(keys))}, keys...)
}

func parseKeypad(b []byte) (Reply, error) {
	if len(b) < 2 || len(b) != 2+int(b[1]) {
		return nil, wrong("KEYPAD", len(b), "2 and as many as its count says")
	}
	return Keypad{b[0], clone(b[2:])}, nil
}

func (c Com) Data() []byte { return comData(c.Address, c.Baud) }

func parseCom(b []byte) (Reply, error) {
	if len(b) != 5 {
		return nil, wrong("COM", len(b), "5")
	}
	return Com{b[0], binary.LittleEndian.Uint32(b[1:])}, nil
}

func (c CCrypt) Data() []byte {
	b := append(c.Client[:], c.RndB[:]...)
	return append(b, c.Cryptogram[:]...)
}

func parseCCrypt(b []byte) (Reply, error) {
	if len(b) != 32 {
		return nil, wrong("CCRYPT", len(b), "32")
	}
	return CCrypt{[8]byte(b), [8]byte(b[8:]), [16]byte(b[16:])}, nil
}

func (r RMAC) Data() []byte { return clone(r.MAC[:]) }

func parseRMAC(b []byte) (Reply, error) {
	if len(b) != 16 {
		return nil, wrong("RMAC_I", len(b), "16")
	}
	return RMAC{[16]byte(b)}, nil
}

func (s FTStat) Data() []byte {
	b := binary.LittleEndian.AppendUint16([]byte{s.Action}, s.Delay)
	b = binary.LittleEndian.AppendUint16(b, uint16(s.Status))
	return binary.LittleEndian.AppendUint16(b, s.Max)
}

func parseFTStat(b []byte) (Reply, error) {
	if len(b) != 7 {
		return nil, wrong("FTSTAT", len(b), "7")
	}
	return FTStat{b[0], binary.LittleEndian.Uint16(b[1:]), int16(binary.LittleEndian.Uint16(b[3:])),
		binary.LittleEndian.Uint16(b[5:])}, nil
}
