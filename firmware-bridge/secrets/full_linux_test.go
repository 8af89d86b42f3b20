package secrets_test

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"kapija/firmware-bridge/secrets"
)

const onFullDisk = "KAPIJA_TEST_FULL_DISK"

// TestFullDisk runs again in a process that may write no byte to a file, as on a disk that is full.
func TestFullDisk(t *testing.T) {
	if os.Getenv(onFullDisk) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
		cmd.Env = append(os.Environ(), onFullDisk+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	f := newFolders(t)
	s := f.open(t)
	before := secrets.Pairing{Key: newKey(t)}
	if err := s.Pair("entry", before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 0, Max: 0}); err != nil {
		t.Fatal(err)
	}
	if err := s.Pair("entry", secrets.Pairing{Key: newKey(t)}); err == nil {
		t.Error("a key was kept on a full disk")
	}
	if got, err := s.Reader("entry"); err != nil || !same(got.Key, before.Key) {
		t.Errorf("found another key than before, or the error %v", err)
	}
	if got := names(t, f.readers); !slices.Equal(got, []string{"entry.json"}) {
		t.Errorf("found the files %q", got)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	s, err := secrets.Open(t.TempDir(), "/proc/self") // the kernel lets nobody make a file there
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Pair("entry", secrets.Pairing{Key: newKey(t)}); err == nil {
		t.Error("a key was kept in a folder that cannot be written")
	}
}
