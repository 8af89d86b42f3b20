package clock

import "golang.org/x/sys/unix"

// kernelSynced asks adjtimex(2), which anybody may read.
func kernelSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
