package osdp

import (
	"context"
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/wire"
)

// Found is a reader that answered a scan.
type Found struct {
	Baud    int
	Address byte
	ID      wire.ID
	Secure  bool // it says that it has Secure Channel
}

// scanWait is a reader's time to answer, without the frames themselves.
const scanWait = 200 * time.Millisecond

// Scan asks every address at every speed who is there, and calls found for each reader that answers; an answer that is not
// understood counts as none. Speeds at which anything answers a broadcast go first. A speed takes half a minute; trying is
// called when it is begun. The error is that of the port, or of ctx. Nothing else may use the bus.
func Scan(ctx context.Context, port bridge.Port, bauds []int, trying func(baud int), found func(Found)) error {
	if err := port.SetReadTimeout(readFor); err != nil {
		return fmt.Errorf("osdp: port: %w", err)
	}
	s := &scan{port: port, ear: listen(port, time.Now())}
	defer s.ear.end()
	var lively, rest []int
	for _, baud := range bauds {
		noise, err := s.broadcast(ctx, baud)
		if err != nil {
			return err
		}
		if noise {
			lively = append(lively, baud)
		} else {
			rest = append(rest, baud)
		}
	}
	for _, baud := range append(lively, rest...) {
		trying(baud)
		if err := s.speed(ctx, baud, found); err != nil {
			return err
		}
	}
	return nil
}

type scan struct {
	port bridge.Port
	ear  *ear
}

// broadcast tells whether anything answers at a speed: of several readers that answer at once only noise may come.
func (s *scan) broadcast(ctx context.Context, baud int) (bool, error) {
	if err := s.port.SetSpeed(baud); err != nil {
		return false, fmt.Errorf("osdp: port: speed of %d baud: %w", baud, err)
	}
	_, noise, err := s.ask(ctx, baud, wire.Frame{Address: wire.Broadcast, Code: wire.CmdID, Data: []byte{0}})
	return noise, err
}

func (s *scan) speed(ctx context.Context, baud int, found func(Found)) error {
	if err := s.port.SetSpeed(baud); err != nil {
		return fmt.Errorf("osdp: port: speed of %d baud: %w", baud, err)
	}
	for address := range byte(wire.MaxAddress + 1) {
		reply, _, err := s.ask(ctx, baud, wire.Frame{Address: address, Code: wire.CmdID, Data: []byte{0}})
		if err != nil {
			return err
		}
		id, ok := reply.(wire.ID)
		if !ok {
			continue
		}
		reply, _, err = s.ask(ctx, baud, wire.Frame{Address: address, Sequence: 1, Code: wire.CmdCap, Data: []byte{0}})
		if err != nil {
			return err
		}
		caps, _ := reply.(wire.Caps)
		found(Found{Baud: baud, Address: address, ID: id, Secure: caps.Secure()})
	}
	return nil
}

// ask sends a command and waits for its answer. Noise tells that bytes came, whatever they are; nil: no answer.
func (s *scan) ask(ctx context.Context, baud int, f wire.Frame) (reply wire.Reply, noise bool, err error) {
	line := append([]byte{wire.Mark}, f.Bytes()...)
	if _, err := s.port.Write(line); err != nil {
		return nil, false, fmt.Errorf("osdp: port: %w", err)
	}
	const answer = 64 // bytes of a usual one
	timer := time.NewTimer(scanWait + time.Duration(len(line)+answer)*10*time.Second/time.Duration(baud))
	defer timer.Stop()
	var scanner wire.Scanner
	for {
		select {
		case c := <-s.ear.heard:
			if c.err != nil {
				return nil, false, fmt.Errorf("osdp: port: %w", c.err)
			}
			scanner.Push(c.at, c.bytes)
			for got, ok := scanner.Next(); ok; got, ok = scanner.Next() {
				if !got.Reply || f.Address != wire.Broadcast && got.Address != f.Address {
					continue
				}
				if reply, err := wire.ParseReply(got.Code, got.Data); err == nil {
					return reply, true, nil
				}
			}
			noise = true
		case <-timer.C:
			return nil, noise, nil
		case <-ctx.Done():
			return nil, false, fmt.Errorf("osdp: scan: %w", ctx.Err())
		}
	}
}
