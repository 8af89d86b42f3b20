package peripheral

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"io"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// channel is the PD's side of Secure Channel (Annex D).
type channel struct {
	key secure.Key // SCBK; zero: none

	own              bool // the handshake is made with SCBK, not with SCBK-D
	a, b             [8]byte
	enc, mac1, mac2  cipher.Block // nil: no handshake under way
	up               bool
	command, replied [16]byte // the last MAC of each side
}

func (c *channel) drop() { *c = channel{key: c.key} }

func block(key []byte) cipher.Block {
	b, _ := aes.NewCipher(key) // its only error is a length that is not 16
	return b
}

// begin derives the session keys: a constant and the first six bytes of the panel's random number, encrypted.
func (c *channel) begin(own bool, a []byte, random io.Reader) error {
	c.drop()
	key := c.key
	if !own {
		key = secure.Default
	}
	if _, err := io.ReadFull(random, c.b[:]); err != nil {
		return err
	}
	c.own = own
	copy(c.a[:], a)
	base := block(key[:])
	derive := func(label byte) cipher.Block {
		in := [16]byte{0x01, label}
		copy(in[2:], c.a[:6])
		base.Encrypt(in[:], in[:])
		return block(in[:])
	}
	c.enc, c.mac1, c.mac2 = derive(0x82), derive(0x01), derive(0x02)
	return nil
}

// cryptogram is both random numbers, encrypted; the other side's goes first.
func (c *channel) cryptogram(first, second [8]byte) []byte {
	out := append(first[:len(first):len(first)], second[:]...)
	c.enc.Encrypt(out, out)
	return out
}

// mac runs over b, padded to whole blocks by 0x80 and zeros: all blocks with the first key but the last one, with the
// second.
func (c *channel) mac(b []byte, iv [16]byte) [16]byte {
	b = bytes.Clone(b)
	if len(b)%16 != 0 {
		b = pad(b)
	}
	for i := 0; i < len(b); i += 16 {
		subtle.XORBytes(iv[:], iv[:], b[i:i+16])
		if key := c.mac1; i+16 < len(b) {
			key.Encrypt(iv[:], iv[:])
		} else {
			c.mac2.Encrypt(iv[:], iv[:])
		}
	}
	return iv
}

func pad(b []byte) []byte {
	b = append(b, 0x80)
	for len(b)%16 != 0 {
		b = append(b, 0)
	}
	return b
}

func inverted(mac [16]byte) []byte {
	for i := range mac {
		mac[i] ^= 0xFF
	}
	return mac[:]
}

// open checks a command's MAC and takes its data.
func (c *channel) open(f wire.Frame) ([]byte, bool) {
	if !c.up || len(f.SCB) != 0 {
		return nil, false
	}
	mac := c.mac(f.Covered(), c.replied)
	if subtle.ConstantTimeCompare(mac[:4], f.MAC) != 1 {
		return nil, false
	}
	c.command = mac
	if f.Security == wire.SCS15 {
		return f.Data, len(f.Data) == 0
	}
	if len(f.Data) == 0 || len(f.Data)%16 != 0 {
		return nil, false
	}
	data := make([]byte, len(f.Data))
	cipher.NewCBCDecrypter(c.enc, inverted(c.replied)).CryptBlocks(data, f.Data)
	end := bytes.LastIndexByte(data, 0x80)
	if end < 0 || len(bytes.Trim(data[end+1:], "\x00")) != 0 {
		return nil, false
	}
	return data[:end], true
}

// seal encrypts and signs a reply.
func (c *channel) seal(f wire.Frame) wire.Frame {
	f.Security = wire.SCS16
	if len(f.Data) > 0 {
		f.Security = wire.SCS18
		data := pad(bytes.Clone(f.Data))
		cipher.NewCBCEncrypter(c.enc, inverted(c.command)).CryptBlocks(data, data)
		f.Data = data
	}
	c.replied = c.mac(f.Covered(), c.command)
	f.MAC = bytes.Clone(c.replied[:4])
	return f
}

// challenge answers CHLNG with the PD's cryptogram.
func (p *PD) challenge(f wire.Frame) wire.Frame {
	if f.Code != wire.CmdChallenge || len(f.SCB) != 1 || f.SCB[0] > 1 {
		return p.nak(f, wire.NakSecurity)
	}
	if len(f.Data) != 8 {
		return p.nak(f, wire.NakLength)
	}
	own := f.SCB[0] == 1
	if p.hit(KeyFlag) {
		own = !own
	} else if own && p.channel.key == (secure.Key{}) || !own && p.channel.key != (secure.Key{}) && !p.cfg.Install {
		p.channel.drop()
		return p.nak(f, wire.NakEncryption)
	}
	if err := p.channel.begin(own, f.Data, p.cfg.Rand); err != nil {
		return p.nak(f, wire.NakEncryption)
	}
	c := &p.channel
	var uid [8]byte // the first bytes of the PDID (D.4.3)
	copy(uid[:], p.id.bytes())
	data := append(uid[:], c.b[:]...)
	r := p.frame(f, f.Sequence, wire.ReplyCCrypt, append(data, c.cryptogram(c.a, c.b)...))
	r.Security, r.SCB = wire.SCS12, []byte{0}
	if own {
		r.SCB[0] = 1
	}
	return r
}

// cryptogram answers SCRYPT with the first MAC, which proves that the PD has the key.
func (p *PD) cryptogram(f wire.Frame) wire.Frame {
	c := &p.channel
	if f.Code != wire.CmdSCrypt || c.enc == nil || c.up {
		return p.nak(f, wire.NakEncryption)
	}
	if len(f.Data) != 16 {
		return p.nak(f, wire.NakLength)
	}
	if subtle.ConstantTimeCompare(f.Data, c.cryptogram(c.b, c.a)) != 1 {
		c.drop()
		return p.nak(f, wire.NakEncryption)
	}
	c.mac1.Encrypt(c.replied[:], f.Data)
	c.mac2.Encrypt(c.replied[:], c.replied[:])
	r := p.frame(f, f.Sequence, wire.ReplyRMAC, bytes.Clone(c.replied[:]))
	r.Security, r.SCB = wire.SCS14, []byte{0x01}
	c.up = true
	if p.hit(RefuseKey) {
		r.SCB[0] = 0xFF
	}
	return r
}

func (i Identity) bytes() []byte {
	b := append(i.Vendor[:len(i.Vendor):len(i.Vendor)], i.Model, i.Version)
	b = binary.LittleEndian.AppendUint32(b, i.Serial)
	return append(b, i.Firmware[:]...)
}
