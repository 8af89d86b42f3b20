package keys

import "fmt"

const placeholder = "keys.Key(secret)"

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, placeholder) }

// MarshalText hides the key from JSON and from slog.
func (Key) MarshalText() ([]byte, error) { return []byte(placeholder), nil }
