//go:build linux

// Vminit is process 1 of the test machine. It mounts what a test needs, loads the modules that /mod/order names, runs
// /t/test.bin with the arguments in /t/args, prints a line "VMEXIT code" and stops the machine.
//
// It is for the machine of hil/exec only: nothing restarts, nothing is supervised.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	code := 99
	if err := prepare(); err != nil {
		fmt.Println("vminit:", err)
	} else {
		code = run()
	}
	fmt.Printf("\nVMEXIT %d\n", code)
	unix.Sync()
	// Does not return: without a panic of process 1 there is nothing else to do when it fails.
	fmt.Println("vminit: reboot:", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
}

func prepare() error {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"devpts", "/dev/pts"}, {"tmpfs", "/tmp"}} {
		if err := mount(m[0], m[1]); err != nil {
			return err
		}
	}
	order, err := os.ReadFile("/mod/order")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(order)) {
		image, err := os.ReadFile("/mod/" + name)
		if err != nil {
			return err
		}
		if err := unix.InitModule(image, ""); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("loading module %s: %w", name, err)
		}
	}
	return mount("configfs", "/sys/kernel/config")
}

func mount(kind, at string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	// devtmpfs may be there already.
	if err := unix.Mount(kind, at, kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("mounting %s at %s: %w", kind, at, err)
	}
	return nil
}

func run() int {
	text, err := os.ReadFile("/t/args")
	if err != nil {
		fmt.Println("vminit:", err)
		return 99
	}
	c := exec.Command("/t/test.bin")
	if len(text) > 0 {
		c.Args = append(c.Args, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	c.Stdout, c.Stderr, c.Dir = os.Stdout, os.Stdout, "/t"
	c.Env = []string{"HOME=/tmp", "TMPDIR=/tmp"}
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	fmt.Println("vminit: the test:", err)
	return 98
}
