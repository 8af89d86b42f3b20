// Package configs carries the configuration that is shipped, for the demo, for `kapija-gateway sim` and for tests.
package configs

import "embed"

// District is district.yaml.
//
//go:embed district.yaml
var District []byte

// Bench is bench.yaml: a technician's bench with one of everything.
//
//go:embed bench.yaml
var Bench []byte

// Gateways has the wiring files, as gateways/BUILDING-GATEWAY.yaml.
//
//go:embed gateways/*.yaml
var Gateways embed.FS
