package secure

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"kapija/firmware-bridge/osdp/wire"
)

// The errors of a session.
var (
	// ErrClear: the frame is not of a session, or comes from the wrong side.
	ErrClear = errors.New("osdp: frame is not one of a secure session")
	// ErrMAC: the frame was forged, repeated, reordered or changed, or the sides have lost each other.
	ErrMAC = errors.New("osdp: MAC does not fit")
	// ErrPadding: the MAC fits, and the data does not end as encrypted data does.
	ErrPadding = errors.New("osdp: encrypted data has no end")
)

const blockSize = 16

// Session is one side of a secure session.
type Session struct {
	keys   keys
	own    [16]byte // MAC of the last frame that was sealed
	other  [16]byte // MAC of the last frame that was opened
	reader bool     // the side
}

// Seal gives the frame its security block and its MAC, encrypts its data, and makes its check a CRC. A frame that is
// repeated is not sealed again: its bytes stay the same.
func (s *Session) Seal(f wire.Frame) (wire.Frame, error) {
	if f.Reply != s.reader || f.Security != wire.NoSecurity {
		return wire.Frame{}, ErrClear
	}
	f.Checksum, f.SCB = false, nil
	f.Security = wire.SCS15
	if len(f.Data) > 0 {
		f.Security = wire.SCS17
		f.Data = s.encrypt(f.Data)
	}
	if s.reader {
		f.Security++
	}
	if f.Size() > wire.MaxFrame {
		return wire.Frame{}, fmt.Errorf("osdp: sealed frame of %d bytes, expected up to %d", f.Size(), wire.MaxFrame)
	}
	s.own = s.keys.mac(s.other, f.Covered())
	f.MAC = append([]byte(nil), s.own[:4]...)
	return f, nil
}

// Open checks the MAC of a frame of the other side and gives it in clear. The error is ErrClear, ErrMAC or ErrPadding; the
// session is as before then.
func (s *Session) Open(f wire.Frame) (wire.Frame, error) {
	if !f.Sealed() || f.Checksum || f.Reply == s.reader || (f.Security == wire.SCS16 || f.Security == wire.SCS18) != f.Reply {
		return wire.Frame{}, ErrClear
	}
	mac := s.keys.mac(s.own, f.Covered())
	if subtle.ConstantTimeCompare(mac[:4], f.MAC) != 1 {
		return wire.Frame{}, ErrMAC
	}
	if f.Security == wire.SCS17 || f.Security == wire.SCS18 {
		data, err := s.decrypt(f.Data)
		if err != nil {
			return wire.Frame{}, err
		}
		f.Data = data
	}
	f.Security, f.SCB, f.MAC = wire.NoSecurity, nil, nil
	s.other = mac
	return f, nil
}

// Overhead is by how much sealing lengthens a frame with n bytes of data, up to its padding.
func Overhead(n int) int {
	sealed := wire.Frame{Security: wire.SCS15}
	if n > 0 {
		sealed.Data = make([]byte, padded(n))
	}
	return sealed.Size() - wire.Frame{Data: make([]byte, n)}.Size()
}

// mac chains over the message: S-MAC1 for all blocks but the last, S-MAC2 for that one, beginning with the last MAC of the
// other side. A last block that is not whole ends with 0x80 and zeros.
func (k keys) mac(iv [16]byte, message []byte) [16]byte {
	if len(message)%blockSize != 0 {
		message = pad(message)
	}
	last := len(message) - blockSize
	for i := 0; i <= last; i += blockSize {
		subtle.XORBytes(iv[:], iv[:], message[i:i+blockSize])
		if i < last {
			k.mac1.Encrypt(iv[:], iv[:])
		}
	}
	k.mac2.Encrypt(iv[:], iv[:])
	return iv
}

func (s *Session) encrypt(data []byte) []byte {
	data = pad(data)
	iv := inverted(s.other)
	cipher.NewCBCEncrypter(s.keys.enc, iv[:]).CryptBlocks(data, data)
	return data
}

func (s *Session) decrypt(data []byte) ([]byte, error) {
	if len(data) == 0 || len(data)%blockSize != 0 {
		return nil, ErrPadding
	}
	plain := make([]byte, len(data))
	iv := inverted(s.own)
	cipher.NewCBCDecrypter(s.keys.enc, iv[:]).CryptBlocks(plain, data)
	plain = bytes.TrimRight(plain, "\x00")
	if len(plain) == 0 || plain[len(plain)-1] != 0x80 || len(data)-len(plain) >= blockSize {
		return nil, ErrPadding
	}
	return plain[:len(plain)-1], nil
}

func pad(b []byte) []byte {
	out := make([]byte, padded(len(b)))
	out[copy(out, b)] = 0x80
	return out
}

// padded is the length with at least one byte of padding.
func padded(n int) int { return (n/blockSize + 1) * blockSize }

func inverted(mac [16]byte) [16]byte {
	for i := range mac {
		mac[i] = ^mac[i]
	}
	return mac
}

// Format hides the keys from every verb of fmt.
func (*Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "osdp.Session(secret)") }
