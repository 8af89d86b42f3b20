//go:build !linux

package serialport

import "os"

// enableRS485 does nothing: elsewhere the hardware switches the direction.
func enableRS485(*os.File) error { return nil }
