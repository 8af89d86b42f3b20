package dbfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func steps(sql ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i, s := range sql {
		m["migrations/"+string(rune('a'+i))+".sql"] = &fstest.MapFile{Data: []byte(s)}
	}
	return m
}

const first, second = "CREATE TABLE t (n INTEGER) STRICT;", "ALTER TABLE t ADD COLUMN m INTEGER;"

func TestSchemaGrowsByStepsAndKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.db")
	f, err := Open(path, steps(first))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write.Exec("INSERT INTO t VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read.Exec("INSERT INTO t VALUES (8)"); err == nil {
		t.Error("a reading connection wrote")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path, steps(first, second)); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := f.Read.QueryRow("SELECT n FROM t WHERE m IS NULL").Scan(&n); err != nil || n != 7 {
		t.Errorf("after the second step: %d, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode().Perm(), err)
	}
	if _, err := Open(path, steps(first)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an older program opened the file of a newer one: %v", err)
	}
}

func TestAStepThatFailsLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.db")
	if _, err := Open(path, steps(first, second+" nonsense;")); err == nil {
		t.Fatal("a broken step was taken")
	}
	f, err := Open(path, steps(first, second))
	if err != nil {
		t.Fatalf("the mended program cannot open the file: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsNotThereIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "f.db")
	if _, err := Open(path, steps(first)); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "must exist") {
		t.Errorf("%v", err)
	}
}
