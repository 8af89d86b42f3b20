package wire

import "fmt"

func hidden(name string) []byte { return []byte("osdp." + name + "(secret)") }

func hide(f fmt.State, name string) { _, _ = f.Write(hidden(name)) }

// Format shows what the frame is and not what it says: its data may be a card, a PIN or a key.
func (f Frame) Format(s fmt.State, _ rune) {
	kind := "command"
	if f.Reply {
		kind = "reply"
	}
	_, _ = fmt.Fprintf(s, "osdp.Frame(address %d, %s 0x%02x, sequence %d, security 0x%02x, %d bytes of data)",
		f.Address, kind, f.Code, f.Sequence, f.Security, len(f.Data))
}

// MarshalText shows the same in JSON and in slog.
func (f Frame) MarshalText() ([]byte, error) { return fmt.Append(nil, f), nil }

// Format hides the key from every verb of fmt.
func (KeySet) Format(f fmt.State, _ rune) { hide(f, "KEYSET") }

// MarshalText hides the key from JSON and from slog.
func (KeySet) MarshalText() ([]byte, error) { return hidden("KEYSET"), nil }

// Format hides the card from every verb of fmt.
func (Raw) Format(f fmt.State, _ rune) { hide(f, "RAW") }

// MarshalText hides the card from JSON and from slog.
func (Raw) MarshalText() ([]byte, error) { return hidden("RAW"), nil }

// Format hides the keys from every verb of fmt.
func (Keypad) Format(f fmt.State, _ rune) { hide(f, "KEYPAD") }

// MarshalText hides the keys from JSON and from slog.
func (Keypad) MarshalText() ([]byte, error) { return hidden("KEYPAD"), nil }
