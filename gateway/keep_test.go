package gateway

import (
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

func TestKeep(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		path := filepath.Join(dir, "keep")
		var want, before string
		for range rapid.IntRange(1, 5).Draw(rt, "starts") {
			k, got, damaged, err := openKeep(path)
			if err != nil || string(got) != want || damaged {
				rt.Fatalf("%d bytes, damaged %v, %v; expected %d bytes", len(got), damaged, err, len(want))
			}
			for range rapid.IntRange(0, 3).Draw(rt, "saves") {
				before, want = want, rapid.StringN(0, 50, keepMost).Draw(rt, "contents")
				if err := k.save([]byte(want)); err != nil {
					rt.Fatal(err)
				}
			}
			k.close()
			if info, err := os.Stat(path); err != nil || info.Size() != 2*keepSlot {
				rt.Fatalf("%v, %v", info.Size(), err)
			}
		}
		if want == "" {
			return
		}
		b, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		k, _, _, _ := openKeep(path)
		newer := int(k.generation % 2 * keepSlot)
		k.close()
		b[newer+keepHead+rapid.IntRange(0, len(want)-1).Draw(rt, "at")] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			rt.Fatal(err)
		}
		k, got, damaged, err := openKeep(path)
		if err != nil || !damaged || string(got) != before {
			rt.Fatalf("after a torn write: %q, damaged %v, %v; expected %q", got, damaged, err, before)
		}
		k.close()
	})
}

func TestKeepIsBounded(t *testing.T) {
	k, _, _, err := openKeep(filepath.Join(t.TempDir(), "keep"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if k.save(make([]byte, keepMost+1)) == nil {
		t.Error("it keeps more than it can")
	}
}
