package fakechip

import (
	"bytes"
	"time"
)

// Frames of UM0701-02, section 6.2.1.
var (
	frameAck    = []byte{0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}
	frameNack   = []byte{0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00}
	frameSyntax = []byte{0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00}
)

// feed takes bytes from the host and runs the commands in them.
func (c *PN532) feed(b []byte) {
	c.wire = append(c.wire, b...)
	for {
		start := bytes.Index(c.wire, frameAck[:3])
		if start < 0 || len(c.wire) < start+6 {
			return
		}
		f := c.wire[start:]
		size, body := 6, 0
		switch {
		case bytes.Equal(f[:6], frameAck): // aborts what goes on
			c.out = nil
		case bytes.Equal(f[:6], frameNack):
			if c.last != nil {
				c.out = []reply{{c.last, time.Now().Add(time.Millisecond)}}
			}
		case f[3]+f[4] == 0:
			size, body = 7+int(f[3]), 5
		default:
			size = 3 // no frame begins here
		}
		if len(f) < size {
			return
		}
		c.wire = append([]byte(nil), f[size:]...)
		if body > 0 {
			c.command(f[body : size-1])
		}
	}
}

// command takes TFI, command, parameters and check byte.
func (c *PN532) command(b []byte) {
	var sum byte
	for _, v := range b {
		sum += v
	}
	if sum != 0 || len(b) < 3 || b[0] != 0xD4 {
		return
	}
	now := time.Now()
	c.out = []reply{{frameAck, now.Add(500 * time.Microsecond)}}
	if c.fault == Hung {
		return
	}
	code := b[1]
	response, takes := c.run(code, b[2:len(b)-1])
	if takes == never {
		return
	}
	c.last = frameSyntax
	if response != nil {
		c.last = wrap(append([]byte{0xD5, code + 1}, response...))
	}
	c.out = append(c.out, reply{c.last, now.Add(500*time.Microsecond + takes)})
}

// wrap makes a normal or an extended information frame.
func wrap(data []byte) []byte {
	n := len(data)
	f := []byte{0x00, 0x00, 0xFF, byte(n), byte(-n)}
	if n > 255 {
		f = []byte{0x00, 0x00, 0xFF, 0xFF, 0xFF, byte(n >> 8), byte(n), -byte(n>>8) - byte(n)}
	}
	var sum byte
	for _, v := range data {
		sum += v
	}
	return append(append(f, data...), -sum, 0x00)
}

// ready tells whether there is something to read, and if not, when there will be; the zero time means not by itself.
func (c *PN532) ready() (bool, time.Time) {
	if len(c.out) == 0 {
		return false, time.Time{}
	}
	return !time.Now().Before(c.out[0].at), c.out[0].at
}

// fetch takes what is ready off the queue.
func (c *PN532) fetch() []byte {
	f := c.out[0].frame
	c.out = c.out[1:]
	return c.garbled(f)
}
