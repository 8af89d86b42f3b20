package iso14443

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/poll"
)

const (
	rats      = 0xE0
	fsdi      = 5                    // frames of 64 bytes to the reader, as many as the smallest chip holds (5.1, table 1)
	frameSize = 64                   // the same, and the longest that is sent
	overhead  = 3                    // of a frame: PCB and CRC
	startTime = 5 * time.Millisecond // for the answers to RATS and DESELECT: 65536/fc = 4.8 ms (5.6.1 and 8.1)
	slack     = 4 * time.Millisecond // added to the card's waiting time: cards on the market need it
)

// The bounds.
const (
	repeats       = 2 // of one block
	maxExtensions = 100
	maxAnswer     = 65538 // an extended APDU: ISO/IEC 7816-4, 5.1
)

// longestWait is FWT_MAX: no extension goes beyond it (7.3).
var longestWait = frameTime(14)

// Session carries APDUs to the selected card.
type Session struct {
	link   Link
	wait   time.Duration
	chunk  int  // most bytes of an APDU in one block
	number byte // of the next block (7.5.3)
}

// Open starts the protocol with the card that Activate selected, whose SAK says that it speaks it. What fails is
// nfc.ErrNoCard, with its reason; the card may then need a field that was off.
func Open(ctx context.Context, l Link) (*Session, error) {
	var raw []byte
	var err error
	for range 2 { // 5.6.1.1
		if raw, err = exchange(ctx, l, []byte{rats, fsdi << 4}, startTime); !isCards(err) {
			break
		}
	}
	if err != nil {
		return nil, notRead("RATS", err)
	}
	ats, err := ParseATS(raw)
	if err != nil {
		return nil, notRead("RATS", err)
	}
	if ats.SFGT > 0 && !poll.Sleep(ctx, ats.SFGT) {
		return nil, ctx.Err()
	}
	return &Session{link: l, wait: ats.FWT + slack, chunk: min(ats.FSC, frameSize) - overhead}, nil
}

// Exchange sends an APDU and returns its answer. An error of the card or the air is nfc.ErrCardLost, with its reason.
func (s *Session) Exchange(ctx context.Context, apdu []byte) ([]byte, error) {
	got, err := s.send(ctx, apdu)
	if err != nil {
		return nil, err
	}
	answer := append([]byte(nil), got.info...)
	for got.chained {
		if got, err = s.ask(ctx, []byte{pcbAck | s.number}); err != nil {
			return nil, err
		}
		if got.kind != information || len(got.info) == 0 {
			return nil, lost(outOfTurn(got))
		}
		s.number ^= 1
		if answer = append(answer, got.info...); len(answer) > maxAnswer {
			return nil, lost(fmt.Errorf("its answer is longer than %d bytes", maxAnswer))
		}
	}
	return answer, nil
}

// send carries the APDU over, and returns the first block of the answer.
func (s *Session) send(ctx context.Context, apdu []byte) (block, error) {
	for {
		n := min(len(apdu), s.chunk)
		pcb, want := pcbI|s.number, information
		if n < len(apdu) {
			pcb, want = pcb|pcbChaining, acknowledge
		}
		got, err := s.ask(ctx, append([]byte{pcb}, apdu[:n]...))
		if err != nil {
			return block{}, err
		}
		if got.kind != want {
			return block{}, lost(outOfTurn(got))
		}
		s.number ^= 1 // rule B
		if apdu = apdu[n:]; len(apdu) == 0 {
			return got, nil
		}
	}
}

// ask sends a block and returns the next one with the present number, as the rules of 7.5.4 say: it repeats what was
// lost, and grants more time.
func (s *Session) ask(ctx context.Context, out []byte) (block, error) {
	sent, _ := parseBlock(out)
	again := out // rule 5: an R(ACK) is repeated
	if sent.kind == information {
		again = []byte{pcbNak | s.number} // rule 4
	}
	next, wait, extensions := out, s.wait, 0
	var err error
	for failures := 0; failures <= repeats; {
		var raw []byte
		raw, err = exchange(ctx, s.link, next, wait)
		wait = s.wait
		var got block
		if err == nil {
			got, err = parseBlock(raw)
		}
		switch {
		case err != nil && !isCards(err):
			return block{}, err
		case err != nil:
			next = again
		case got.kind == moreTime:
			if extensions++; extensions > maxExtensions {
				return block{}, lost(fmt.Errorf("it asked for more time %d times", extensions))
			}
			next = []byte{pcbWTX, got.info[0]}
			wait = min(s.wait*time.Duration(got.info[0]), longestWait) + slack
			continue
		case got.kind == acknowledge && sent.kind == information && got.number != s.number:
			next, err = out, outOfTurn(got) // rule 6: the card has not got it
		case (got.kind == information || got.kind == acknowledge) && got.number != s.number:
			next, err = again, outOfTurn(got)
		default:
			return got, nil
		}
		failures++
	}
	return block{}, lost(err)
}

// lost says that the card is gone, and what was last seen of it.
func lost(err error) error { return fmt.Errorf("iso14443: %w: %w", nfc.ErrCardLost, err) }

func outOfTurn(b block) error {
	what := [...]string{information: "data", acknowledge: "R(ACK)", repeat: "R(NAK)", deselect: "S(DESELECT)"}[b.kind]
	return fmt.Errorf("%s number %d out of turn", what, b.number)
}

// Deselect ends the session; the card is then halted. When the card does not say so it is nfc.ErrCardLost, and a card
// that is still there needs a field that was off.
func (s *Session) Deselect(ctx context.Context) error {
	var err error
	for range repeats {
		var raw []byte
		if raw, err = exchange(ctx, s.link, []byte{pcbDeselect}, startTime); err == nil && raw[0] == pcbDeselect {
			return nil
		}
		if err != nil && !isCards(err) {
			return err
		}
	}
	return lost(errors.New("it does not confirm the end of its session"))
}
