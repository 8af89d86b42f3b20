package directory

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kapija/internal/policy"
)

const childVariable = "KAPIJA_TEST_DIRECTORY"

// TestMain is also the process that is killed: it adds badges for ever and says which it added.
func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		d, err := Open(path, siteKey, twoBuildings())
		for n := uint64(1); err == nil; n++ {
			var p Person
			if p, err = d.AddPerson(ctx, "child", Person{Name: "Дете"}); err != nil {
				break
			}
			var b Badge
			if b, err = d.AddBadge(ctx, "child", p.ID, card(n), time.Time{}, time.Time{}); err == nil {
				fmt.Println(b.ID)
			}
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func TestKilledInTheMiddle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+path)
	out := must1(child.StdoutPipe())(t)
	check0(t, child.Start())
	var added []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if added = append(added, lines.Text()); len(added) == 100 {
			check0(t, child.Process.Kill())
		}
	}
	_ = child.Wait()
	d := open(t, path)
	defer d.Close()
	for _, id := range added {
		if _, ok, err := d.Holder(ctx, id); !ok || err != nil {
			t.Fatalf("badge %s was acknowledged and is lost: %v", id, err)
		}
	}
	var people, badges, changes int
	check0(t, d.file.Read.QueryRow("SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM badge), (SELECT count(*) FROM change)").Scan(&people, &badges, &changes))
	if len(added) < 100 || badges < len(added) || people+badges != changes {
		t.Errorf("%d acknowledged; %d people, %d badges and %d changes in the file", len(added), people, badges, changes)
	}
}

// Two programs and many goroutines write one file; the same card is given out once.
func TestTwoAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	both := []*Directory{open(t, path), open(t, path)}
	p := must1(both[0].AddPerson(ctx, "test", Person{Name: "Ана"}))(t)
	const cards, each = 20, 4
	var mu sync.Mutex
	given := map[uint64]int{}
	var wg sync.WaitGroup
	for g := range 2 * each {
		wg.Go(func() {
			for n := range uint64(cards) {
				_, err := both[g%2].AddBadge(ctx, "test", p.ID, card(n), time.Time{}, time.Time{})
				var coded interface{ Code() string }
				switch {
				case err == nil:
					mu.Lock()
					given[n]++
					mu.Unlock()
				case !errors.As(err, &coded) || coded.Code() != conflict:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for n := range uint64(cards) {
		if given[n] != 1 {
			t.Errorf("card %d was given out %d times", n, given[n])
		}
	}
	if got := must1(both[1].Person(ctx, p.ID))(t); len(got.Badges) != cards {
		t.Errorf("%d badges", len(got.Badges))
	}
	check0(t, errors.Join(both[0].Close(), both[1].Close()))
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%20.db")
	check0(t, open(t, path).Close())
	if info := must1(os.Stat(path))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
	if _, err := Open(path, policy.SiteKey{9}, twoBuildings()); err == nil || !strings.Contains(err.Error(), "another site key") {
		t.Errorf("another site key: %v", err)
	}
	d := open(t, path)
	if _, err := d.file.Write.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	check0(t, d.Close())
	if _, err := Open(path, siteKey, twoBuildings()); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("a newer file: %v", err)
	}
	check0(t, os.WriteFile(path, []byte(strings.Repeat("this is no database ", 500)), 0o600))
	if _, err := Open(path, siteKey, twoBuildings()); err == nil {
		t.Error("a file that is no database was opened")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "such", "folder.db"), siteKey, twoBuildings()); err == nil || !strings.Contains(err.Error(), "folder must exist") {
		t.Errorf("no folder: %v", err)
	}
}
