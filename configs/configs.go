// Package configs carries the configuration that is shipped, for the demo and for tests.
package configs

import _ "embed"

// District is district.yaml.
//
//go:embed district.yaml
var District []byte
