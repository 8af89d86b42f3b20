package fakecard

import (
	"crypto/aes"
	"crypto/cipher"
	"math/big"

	"kapija/firmware-bridge/nfc/keys"
)

// This is the arithmetic of AES-CMAC and AN10922 a second time: whole messages, CBC of the standard library, and big
// integers.

const block = aes.BlockSize

var (
	polynomial = big.NewInt(0x87)
	field      = new(big.Int).Lsh(big.NewInt(1), 128)
)

func sealer(key keys.Key) cipher.Block {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the one size that this cannot refuse
	}
	return c
}

func encipher(key keys.Key, iv, plain []byte) []byte {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(sealer(key), iv).CryptBlocks(out, plain)
	return out
}

func decipher(key keys.Key, iv, sealed []byte) []byte {
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(sealer(key), iv).CryptBlocks(out, sealed)
	return out
}

// cmac is the CMAC whose chain starts with iv, over a message padded to least bytes and to whole blocks.
func cmac(key keys.Key, iv, message []byte, least int) []byte {
	subkey := times2(encipher(key, make([]byte, block), make([]byte, block)))
	padded := append([]byte(nil), message...)
	if len(padded) < least || len(padded) == 0 || len(padded)%block != 0 {
		subkey = times2(subkey)
		padded = append(padded, 0x80)
		for len(padded) < least || len(padded)%block != 0 {
			padded = append(padded, 0)
		}
	}
	last := padded[len(padded)-block:]
	for i := range last {
		last[i] ^= subkey[i]
	}
	out := encipher(key, iv, padded)
	return out[len(out)-block:]
}

func times2(b []byte) []byte {
	x := new(big.Int).Lsh(new(big.Int).SetBytes(b), 1)
	if x.Cmp(field) >= 0 {
		x.Xor(x.Sub(x, field), polynomial)
	}
	return x.FillBytes(make([]byte, block))
}

// diversified is the key of one card (AN10922, section 2.2).
func diversified(master keys.Key, input ...[]byte) keys.Key {
	m := []byte{0x01}
	for _, part := range input {
		m = append(m, part...)
	}
	return keys.Key(cmac(master, make([]byte, block), m, 2*block))
}

// rotated is b with its first byte last.
func rotated(b []byte) []byte { return append(append([]byte(nil), b[1:]...), b[0]) }
