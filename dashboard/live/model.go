// Package live is the present state of every building: it hears the gateways over MQTT, keeps what they said, and
// streams it to viewers.
package live

import (
	"time"

	"kapija/internal/event"
)

// Snapshot is the whole present state, as sent on connect (SSE event "snapshot").
type Snapshot struct {
	At        time.Time  `json:"at"`
	Buildings []Building `json:"buildings"` // in the order of the configuration
	Events    []Event    `json:"events"`    // the latest, newest first
}

// Building is the present state of one building (SSE event "building").
type Building struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`       // when a gateway of it was heard last; zero: never
	Known    bool      `json:"known"`    // an estimate exists; when false, Count means nothing and is shown as "—"
	Partial  bool      `json:"partial"`  // a gateway is silent: the count is shown as "≥ N"
	Count    int       `json:"count"`    // persons
	Low      int       `json:"low"`      //
	High     int       `json:"high"`     //
	Capacity int       `json:"capacity"` //
	Entered  int       `json:"entered"`  // since the start of the local day
	Left     int       `json:"left"`     //
	Usual    *int      `json:"usual"`    // median of this weekday and hour; null: not enough history
	Zones    []Zone    `json:"zones"`    // in the order of the configuration
	Doors    []Door    `json:"doors"`    //
	Gateways []Gateway `json:"gateways"` //
}

// Zone is the present state of one zone.
type Zone struct {
	ID          string   `json:"id"`
	Known       bool     `json:"known"`
	Count       int      `json:"count"`
	Low         int      `json:"low"`
	High        int      `json:"high"`
	Capacity    int      `json:"capacity"`
	CO2         *float64 `json:"co2"`         // ppm; null: unknown or older than 10 min
	Temperature *float64 `json:"temperature"` // °C
	Humidity    *float64 `json:"humidity"`    // %RH
}

// Door is the present state of one door.
type Door struct {
	event.Door
	Known bool       `json:"known"` // its gateway is online and has told
	Kind  event.Kind `json:"kind"`  // its last event
	At    time.Time  `json:"at"`    // of its last event
}

// Gateway is the present state of one gateway.
type Gateway struct {
	ID string `json:"id"`
	event.State
	Heard time.Time `json:"heard"` // last message of any kind; zero: never
}

// Event is one audit event as shown to people (SSE event "event").
type Event struct {
	Building string `json:"building"`
	Gateway  string `json:"gateway"`
	event.Event
	Late bool `json:"late"` // recorded more than two minutes before it arrived: never alarmed as live (L47)
}
