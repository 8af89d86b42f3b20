//go:build !linux

package board

import (
	"fmt"
	"runtime"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// Open returns an error: there is no GPIO character device on this system.
func Open(*site.Wiring) (bridge.Wires, error) {
	return nil, fmt.Errorf("board: GPIO needs Linux, found %s: use the virtual wires instead", runtime.GOOS)
}
