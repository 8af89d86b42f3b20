package journal

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kapija/internal/event"
)

const inNamespace = "KAPIJA_IN_NAMESPACE"

// smallDisk mounts a file system of that many bytes. Who may not mount here runs the test again in a namespace of its own,
// where that is allowed; then smallDisk returns "", and the test is over.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	if os.Getenv(inNamespace) != "" {
		t.Fatalf("a small file system cannot be mounted, not even in a namespace: run the test as root, or allow user namespaces: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in a namespace: %v", err)
	}
	return ""
}

// TestL40SurvivesKillOnAFullDisk is TestL40SurvivesKill on a file system that is full all the time: what is acknowledged
// makes room. Every record that was told durable and is not acknowledged is there.
func TestL40SurvivesKillOnAFullDisk(t *testing.T) {
	rounds := 20
	if s := os.Getenv("KAPIJA_CRASH_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatalf("KAPIJA_CRASH_ROUNDS is %q, expected a number", s)
		}
	}
	dir := smallDisk(t, "256k")
	if dir == "" {
		return
	}
	told := map[uint64]string{}
	full := 0
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashChild+"="+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.AfterFunc(20*time.Millisecond+rand.N(80*time.Millisecond), func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			seq, sum, ok := strings.Cut(lines.Text(), " ")
			if s, err := strconv.ParseUint(seq, 10, 64); ok && err == nil && len(sum) == 32 { // the last line may be cut
				told[s] = sum
			}
		}
		_ = cmd.Wait()
		deadline.Stop()
		if stderr.Len() > 0 {
			t.Fatal(stderr.String())
		}
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		if fs.Bavail*uint64(fs.Bsize) < 32<<10 {
			full++
		}
	}
	if full == 0 {
		t.Fatal("the file system was never full: the test proves nothing")
	}

	j, r, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if len(r.Lost) > 0 || r.Cursor {
		t.Fatalf("report %+v", r)
	}
	acked := j.Acked()
	for next := acked + 1; next <= j.Durable(); {
		records, first, err := j.Read(next, 500)
		if err != nil || len(records) == 0 || first != next {
			t.Fatalf("read from %d: %d records from %d, %v", next, len(records), first, err)
		}
		for _, p := range records {
			if sum, ok := told[next]; ok && sum != event.Hash(p) {
				t.Fatalf("record %d is not the one that was told durable", next)
			}
			delete(told, next)
			next++
		}
	}
	for seq := range told {
		if seq > acked {
			t.Errorf("record %d was told durable and is gone; acknowledged are %d", seq, acked)
		}
	}
	t.Logf("%d rounds, full after %d of them, %d records, %d acknowledged", rounds, full, j.Last(), acked)
}
