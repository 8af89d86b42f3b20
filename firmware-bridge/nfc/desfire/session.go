package desfire

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/keys"
)

// Commands, and the second status byte, the first being 91.
const (
	selectApplication = 0x5A
	authenticateAES   = 0xAA
	additionalFrame   = 0xAF
	getCardUID        = 0x51

	statusOK             = 0x00
	statusNoSuchKey      = 0x40
	statusAuthentication = 0xAE
	statusMore           = 0xAF
)

// link is the card while it is in the field.
type link struct {
	ctx context.Context
	x   nfc.Exchanger
}

// command sends a wrapped command and returns its data and status. An answer that is no answer of a DESFire card has
// status -1.
func (c link) command(ins byte, data ...byte) ([]byte, int, error) {
	apdu := []byte{0x90, ins, 0, 0}
	if len(data) > 0 {
		apdu = append(append(apdu, byte(len(data))), data...)
	}
	answer, err := c.x.Exchange(c.ctx, append(apdu, 0))
	if err != nil {
		return nil, 0, fmt.Errorf("desfire: command %02x: %w", ins, err)
	}
	n := len(answer) - 2
	if n < 0 || answer[n] != 0x91 {
		return nil, -1, nil
	}
	return answer[:n], int(answer[n+1]), nil
}

func (c link) selectApplication(aid [3]byte) error {
	_, status, err := c.command(selectApplication, aid[:]...)
	if err != nil || status == statusOK {
		return err
	}
	return fmt.Errorf("desfire: %w: %s when its application is selected", nfc.ErrOtherKind, name(status))
}

// authenticate proves the card to us and us to the card, and makes the session key. Both random numbers are enciphered
// in one chain that starts with a zero block.
func (c link) authenticate(number byte, key keys.Key, mine [keys.Size]byte) (session keys.Key, err error) {
	const size = keys.Size
	theirs, err := c.ask(authenticateAES, statusMore, size, number)
	if err != nil {
		return session, err
	}
	block := key.Cipher()
	var zero [size]byte
	var random, back [size]byte
	cipher.NewCBCDecrypter(block, zero[:]).CryptBlocks(random[:], theirs)

	token := append(mine[:len(mine):len(mine)], random[1:]...)
	token = append(token, random[0])
	cipher.NewCBCEncrypter(block, theirs).CryptBlocks(token, token)
	proof, err := c.ask(additionalFrame, statusOK, size, token...)
	if err != nil {
		return session, err
	}
	cipher.NewCBCDecrypter(block, token[size:]).CryptBlocks(back[:], proof)
	if want := append(mine[1:len(mine):len(mine)], mine[0]); !keys.Equal(back[:], want) {
		return session, fmt.Errorf("desfire: %w: it does not know the key", nfc.ErrProof)
	}
	copy(session[0:], mine[0:4])
	copy(session[4:], random[0:4])
	copy(session[8:], mine[12:16])
	copy(session[12:], random[12:16])
	return session, nil
}

// cardUID asks for the UID, right after authenticate. The answer is enciphered in a chain that starts with the CMAC of
// the command: UID, CRC-32 over UID and status, zeros.
func (c link) cardUID(session keys.Key) ([]byte, error) {
	sealed, err := c.ask(getCardUID, statusOK, keys.Size)
	if err != nil {
		return nil, err
	}
	iv := session.CMAC([]byte{getCardUID})
	var plain, want [keys.Size]byte
	cipher.NewCBCDecrypter(session.Cipher(), iv[:]).CryptBlocks(plain[:], sealed)
	copy(want[:], plain[:uidSize])
	binary.LittleEndian.PutUint32(want[uidSize:], crc(append(plain[:uidSize:uidSize], statusOK)))
	if !keys.Equal(plain[:], want[:]) {
		return nil, fmt.Errorf("desfire: %w: its UID does not belong to the session", nfc.ErrProof)
	}
	return plain[:uidSize], nil
}

// ask is a command whose answer must have this status and size.
func (c link) ask(ins byte, want, size int, data ...byte) ([]byte, error) {
	answer, status, err := c.command(ins, data...)
	switch {
	case err != nil:
		return nil, err
	case status == statusAuthentication || status == statusNoSuchKey:
		return nil, fmt.Errorf("desfire: %w: %s", nfc.ErrProof, name(status))
	case status != want:
		return nil, fmt.Errorf("desfire: command %02x: %s, expected status 91%02x", ins, name(status), want)
	case len(answer) != size:
		return nil, fmt.Errorf("desfire: command %02x: an answer of %d bytes, expected %d", ins, len(answer), size)
	}
	return answer, nil
}

func name(status int) string {
	switch status {
	case -1:
		return "no DESFire answer"
	case statusNoSuchKey:
		return "status 9140, no such key"
	case 0xA0:
		return "status 91a0, no such application"
	case statusAuthentication:
		return "status 91ae, it refuses our key"
	}
	return fmt.Sprintf("status 91%02x", status)
}

// crc is the CRC-32 of ISO/IEC 3309 without its last inversion.
func crc(data []byte) uint32 { return ^crc32.ChecksumIEEE(data) }
