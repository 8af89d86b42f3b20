//go:build !linux

package clock

// kernelSynced knows no way to ask: the clock is held.
func kernelSynced() bool { return false }
