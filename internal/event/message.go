package event

import (
	"encoding/json"
	"time"
)

// Batch is the payload of an audit or telemetry topic: contiguous records in order, each as the exact bytes that the
// gateway wrote.
type Batch struct {
	V       int               `json:"v"` // 1
	Records []json.RawMessage `json:"records"`
}

// Ack is the payload of the ack topic: the highest contiguous sequence numbers that InfluxDB holds.
type Ack struct {
	Audit     uint64    `json:"audit"`
	Telemetry uint64    `json:"telemetry"`
	At        time.Time `json:"at,omitzero"` // when it was published: a broker may deliver an older one after a newer one
}

// State is the payload of the state topic. The last will carries Online false and nothing else.
type State struct {
	Online  bool      `json:"online"`
	At      time.Time `json:"at,omitzero"`
	Boot    string    `json:"boot,omitempty"`
	Version string    `json:"version,omitempty"`
	Clock   Clock     `json:"clock,omitempty"`
	Queued  uint64    `json:"queued"`            // records in the journal that are not acknowledged yet
	Policy  uint64    `json:"policy,omitempty"`  // version of the policy that the gateway decides from; 0: it is not complete
	Fire    bool      `json:"fire,omitempty"`    // the fire input is active
	Devices []Device  `json:"devices,omitempty"` // readers, inputs, outputs and sensors, in the order of the configuration
	Doors   []Door    `json:"doors,omitempty"`
}

// Device is the health of one reader, input, output or sensor.
type Device struct {
	ID     string `json:"id"`
	Online bool   `json:"online"`
	Cause  string `json:"cause,omitempty"` // why it is offline
}

// Door is the state of one door, as its gateway sees it.
type Door struct {
	ID     string `json:"id"`
	Open   bool   `json:"open"`
	Locked bool   `json:"locked"`
	Forced bool   `json:"forced,omitempty"`
	Held   bool   `json:"held,omitempty"`
	Mode   string `json:"mode"`         // secure, unlocked, lockdown, disabled
	By     string `json:"by,omitempty"` // who or what set the mode
}

// Occupancy is the payload of a building's occupancy topic.
type Occupancy struct {
	At    time.Time       `json:"at"`
	Zones []ZoneOccupancy `json:"zones"` // the building as a whole first, with an empty Zone
}

// ZoneOccupancy is an estimate of how many people are in one zone. It is never below Low or above High.
type ZoneOccupancy struct {
	Zone     string `json:"zone"`
	Count    int    `json:"count"`
	Low      int    `json:"low"`
	High     int    `json:"high"`
	Entered  int    `json:"entered"`            // passages in since the start of the local day
	Left     int    `json:"left"`               // passages out
	Capacity int    `json:"capacity,omitempty"` // from the configuration
}
