// Package topic builds and parses every MQTT topic. No other package spells one out.
package topic

import (
	"fmt"
	"strings"
)

// Prefix starts every topic; the number is the protocol's version.
const Prefix = "kapija/1"

// Leaf is the last part of a gateway's topic: what the message is.
type Leaf string

// What a gateway publishes and receives. All are QoS 1.
const (
	Audit     Leaf = "audit"     // batch of audit events, from the gateway
	Telemetry Leaf = "telemetry" // batch of readings, from the gateway
	State     Leaf = "state"     // retained: birth, and offline as last will
	Ack       Leaf = "ack"       // retained, from the relay: what InfluxDB holds
	Command   Leaf = "command"   // signed, expiring, never retained
	Reply     Leaf = "reply"     // the gateway's answer to a command
	Policy    Leaf = "policy"    // followed by a shard: see ForPolicy
)

// Gateway is the address of one gateway.
type Gateway struct{ Building, Gateway string }

func (g Gateway) String() string { return g.Building + "/" + g.Gateway }

// For is the topic of one gateway's leaf.
func For(g Gateway, l Leaf) string {
	return Prefix + "/" + g.Building + "/" + g.Gateway + "/" + string(l)
}

// ForPolicy is the topic of one policy shard: "00" … "ff" or "rules".
func ForPolicy(g Gateway, shard string) string { return For(g, Policy) + "/" + shard }

// AllPolicy is the filter for all policy shards of one gateway.
func AllPolicy(g Gateway) string { return For(g, Policy) + "/+" }

// All is the filter for one leaf of every gateway.
func All(l Leaf) string { return Prefix + "/+/+/" + string(l) }

// Occupancy is the retained topic on which the server publishes a building's occupancy, for other systems and for
// the relay.
func Occupancy(building string) string { return Prefix + "/" + building + "/occupancy" }

// AllOccupancy is the filter for every building's occupancy.
func AllOccupancy() string { return Prefix + "/+/occupancy" }

// Parsed is what a topic says.
type Parsed struct {
	Gateway Gateway // Gateway.Gateway is empty for a building's topic
	Leaf    Leaf    // "occupancy" for a building's
	Shard   string  // of a policy topic
}

// Parse takes a topic apart. The error names the topic and what was expected.
func Parse(t string) (Parsed, error) {
	rest, ok := strings.CutPrefix(t, Prefix+"/")
	part := strings.Split(rest, "/")
	switch {
	case !ok:
	case len(part) == 2 && part[1] == "occupancy":
		return Parsed{Gateway: Gateway{Building: part[0]}, Leaf: "occupancy"}, nil
	case len(part) == 3 && part[2] != string(Policy):
		switch l := Leaf(part[2]); l {
		case Audit, Telemetry, State, Ack, Command, Reply:
			return Parsed{Gateway: Gateway{part[0], part[1]}, Leaf: l}, nil
		}
	case len(part) == 4 && part[2] == string(Policy):
		return Parsed{Gateway: Gateway{part[0], part[1]}, Leaf: Policy, Shard: part[3]}, nil
	}
	return Parsed{}, fmt.Errorf("topic: %q is not of the form %s/<building>/<gateway>/<audit|telemetry|state|ack|policy/<shard>|command|reply> or %s/<building>/occupancy", t, Prefix, Prefix)
}
