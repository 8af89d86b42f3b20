package command

import "kapija/internal/event"

// Reply is the payload of the reply topic: what really happened (L56). It comes once per command that could be read;
// of one that could not, Nonce is empty.
type Reply struct {
	Nonce    string       `json:"nonce,omitempty"` // Nonce.String
	Do       Action       `json:"do,omitempty"`
	Accepted bool         `json:"accepted"`
	Code     Code         `json:"code,omitempty"`   // why it was refused
	Text     string       `json:"text,omitempty"`   // the same for people; when accepted, what is to be known besides
	Stored   bool         `json:"stored,omitempty"` // the modes that were set are on disk and hold after a restart
	Doors    []event.Door `json:"doors,omitempty"`  // the doors that were named, as they stand afterwards
}
