package influxd

import (
	"os/exec"
	"syscall"
)

// diesWithUs puts the child into a process group of its own, so that Ctrl-C on a terminal reaches it through Close only,
// and has the kernel kill it when the thread that started it ends.
func diesWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
