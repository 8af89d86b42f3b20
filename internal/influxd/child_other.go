//go:build unix && !linux

package influxd

import "os/exec"

// diesWithUs can only part the process groups here: other systems do not tell a child that its parent was killed.
func diesWithUs(cmd *exec.Cmd) { ownGroup(cmd) }
