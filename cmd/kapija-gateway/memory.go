package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Memory: a Pi Zero has other things to do with it. Nearly all that lives is the policy, in large pieces without pointers,
// which cost the collector nothing: once it is loaded the collector may run often. The limit is no hard one; near it the
// collector works harder.
const (
	gcPercentStart = 10
	gcPercent      = 5
	memoryLimit    = 24 << 20 // bytes
	processors     = 2        // each keeps memory of its own at hand; one for the doors and one for the rest are enough
)

// Nobody asks for a profile of the memory, and its table would take a megabyte.
func init() { runtime.MemProfileRate = 0 }

// releaseMemory gives back what the start needed and the run does not: garbage of reading the site and the policy, and the
// pages of this program that only the start went through. They are read again from the file when they are needed.
func releaseMemory() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to uintptr
		var mode, offset, device, inode, path string
		n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s %s %s %s %s", &from, &to, &mode, &offset, &device, &inode, &path)
		// What can be written holds variables, and would lose them.
		if n == 7 && path == self && (mode == "r-xp" || mode == "r--p") {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
