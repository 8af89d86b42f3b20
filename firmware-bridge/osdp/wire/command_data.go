package wire

import "encoding/binary"

// Code is the command's code; Data is what follows it.
func (Outs) Code() byte         { return CmdOut }
func (LEDs) Code() byte         { return CmdLED }
func (Buzzer) Code() byte       { return CmdBuz }
func (Text) Code() byte         { return CmdText }
func (ComSet) Code() byte       { return CmdComSet }
func (KeySet) Code() byte       { return CmdKeySet }
func (Challenge) Code() byte    { return CmdChallenge }
func (SCrypt) Code() byte       { return CmdSCrypt }
func (RxSize) Code() byte       { return CmdACURxSize }
func (FileTransfer) Code() byte { return CmdFileTransfer }

func (o Outs) Data() []byte {
	var b []byte
	for _, out := range o {
		b = append(b, out.Output, out.Do, byte(out.Time), byte(out.Time>>8))
	}
	return b
}

func parseOut(b []byte) (Command, error) {
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, wrong("OUT", len(b), "4 for each output")
	}
	var all Outs
	for ; len(b) > 0; b = b[4:] {
		all = append(all, Out{b[0], b[1], binary.LittleEndian.Uint16(b[2:])})
	}
	return all, nil
}

func (l LEDs) Data() []byte {
	var b []byte
	for _, led := range l {
		b = append(b, led.Reader, led.LED, led.Temporary, led.TempOn, led.TempOff, led.TempOnColour, led.TempOffColour,
			byte(led.TempTime), byte(led.TempTime>>8), led.Permanent, led.On, led.Off, led.OnColour, led.OffColour)
	}
	return b
}

func parseLED(b []byte) (Command, error) {
	if len(b) == 0 || len(b)%14 != 0 {
		return nil, wrong("LED", len(b), "14 for each LED")
	}
	var all LEDs
	for ; len(b) > 0; b = b[14:] {
		all = append(all, LED{b[0], b[1], b[2], b[3], b[4], b[5], b[6], binary.LittleEndian.Uint16(b[7:]),
			b[9], b[10], b[11], b[12], b[13]})
	}
	return all, nil
}

func (z Buzzer) Data() []byte { return []byte{z.Reader, z.Tone, z.On, z.Off, z.Count} }

func parseBuzzer(b []byte) (Command, error) {
	if len(b) != 5 {
		return nil, wrong("BUZ", len(b), "5")
	}
	return Buzzer{b[0], b[1], b[2], b[3], b[4]}, nil
}

// Data cuts the text at 255 bytes.
func (t Text) Data() []byte {
	text := t.Text[:min(len(t.Text), 255)]
	return append([]byte{t.Reader, t.Mode, t.Seconds, t.Row, t.Column, byte(len(text))}, text...)
}

func parseText(b []byte) (Command, error) {
	if len(b) < 6 || len(b) != 6+int(b[5]) {
		return nil, wrong("TEXT", len(b), "6 and as many as its length says")
	}
	return Text{b[0], b[1], b[2], b[3], b[4], string(b[6:])}, nil
}

func (c ComSet) Data() []byte { return comData(c.Address, c.Baud) }

func parseComSet(b []byte) (Command, error) {
	if len(b) != 5 {
		return nil, wrong("COMSET", len(b), "5")
	}
	return ComSet{b[0], binary.LittleEndian.Uint32(b[1:])}, nil
}

func comData(address byte, baud uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{address}, baud)
}

const scbk = 1 // the only type of key

func (k KeySet) Data() []byte { return append([]byte{scbk, byte(len(k.Key))}, k.Key[:]...) }

func parseKeySet(b []byte) (Command, error) {
	if len(b) != 18 || b[0] != scbk || b[1] != 16 {
		return nil, wrong("KEYSET", len(b), "18: type 1, length 16 and the key")
	}
	return KeySet{[16]byte(b[2:])}, nil
}

func (c Challenge) Data() []byte { return clone(c.RndA[:]) }

func parseChallenge(b []byte) (Command, error) {
	if len(b) != 8 {
		return nil, wrong("CHLNG", len(b), "8")
	}
	return Challenge{[8]byte(b)}, nil
}

func (s SCrypt) Data() []byte { return clone(s.Cryptogram[:]) }

func parseSCrypt(b []byte) (Command, error) {
	if len(b) != 16 {
		return nil, wrong("SCRYPT", len(b), "16")
	}
	return SCrypt{[16]byte(b)}, nil
}

func (r RxSize) Data() []byte { return []byte{byte(r), byte(r >> 8)} }

func parseRxSize(b []byte) (Command, error) {
	if len(b) != 2 {
		return nil, wrong("ACURXSIZE", len(b), "2")
	}
	return RxSize(binary.LittleEndian.Uint16(b)), nil
}

func (f FileTransfer) Data() []byte {
	b := []byte{f.Type}
	b = binary.LittleEndian.AppendUint32(b, f.Total)
	b = binary.LittleEndian.AppendUint32(b, f.Offset)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Part)))
	return append(b, f.Part...)
}

func parseFileTransfer(b []byte) (Command, error) {
	if len(b) < FileHeader || len(b) != FileHeader+int(binary.LittleEndian.Uint16(b[9:])) {
		return nil, wrong("FILETRANSFER", len(b), "11 and as many as its length says")
	}
	return FileTransfer{b[0], binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint32(b[5:]), clone(b[FileHeader:])}, nil
}
