package cardformat

import (
	"testing"

	"pgregory.net/rapid"
)

func TestClassify(t *testing.T) {
	formats, err := site.Select([]string{"desfire", "wiegand-26", "wiegand-37", "wiegand-37-h10302", "wiegand-32", "uid-32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		frame string
		name  string
		match Match
	}{
		{"1 01110110 0000011001000011 0", "wiegand-26", Fits},
		{"0 01110110 0000011001000011 0", "wiegand-26", BadParity},
		{"1 01110110 0000011001000011", "", Unknown},
		{"1 0000000000000001 0000000000000000001 0", "wiegand-37", Fits},
		{"1 0000000000000001 0000000000000000001 1", "wiegand-37", BadParity},
		{"10001001 11010100 00011011 10000001", "wiegand-32", Fits},
		// As long as a UID that a card has proven, and yet no more than bits on two wires.
		{"00000100 10100001 10110010 11000011 11010100 11100101 11110110", "", Unknown},
	} {
		bits, n, err := Parse(c.frame)
		if err != nil {
			t.Fatal(err)
		}
		if name, m := Classify(formats, bits, n); name != c.name || m != c.match {
			t.Errorf("%s: %q %v, want %q %v", c.frame, name, m, c.name, c.match)
		}
	}
	if name, m := Classify(formats, make([]byte, 40), 320); name != "" || m != Unknown {
		t.Errorf("320 bits: %q %v", name, m)
	}
}

func TestInverted(t *testing.T) {
	formats, err := site.Select([]string{"wiegand-26", "wiegand-32", "wiegand-37", "wiegand-37-h10302", "desfire"})
	if err != nil {
		t.Fatal(err)
	}
	for frame, want := range map[string]bool{
		"0 10001001 1111100110111100 1":                                  true, // 118/1603
		"1 01110110 0000011001000011 0":                                  false,
		"0 01110110 0000011001000011 0":                                  false, // one wrong bit
		"0 1111111111111110 1111111111111111110 1":                       true,
		"10001001 11010100 00011011 10000001":                            false, // fits as it is
		"0 10001001 1111100110111100":                                    false, // no format is as long
		"00000100 10100001 10110010 11000011 11010100 11100101 11110110": false,
	} {
		bits, n, err := Parse(frame)
		if err != nil {
			t.Fatal(err)
		}
		if got := Inverted(formats, bits, n); got != want {
			t.Errorf("%s: inverted %v, want %v", frame, got, want)
		}
	}
	for n, bits := range map[int][]byte{0: nil, -1: nil, 26: {1, 2, 3}, 200: make([]byte, 25)} {
		if Inverted(formats, bits, n) {
			t.Errorf("%d bits in %d bytes are an inverted card", n, len(bits))
		}
	}
}

// Each card of each Wiegand format is found among those that have other lengths.
func TestClassifyFindsEachFormat(t *testing.T) {
	_, formats := everything(t)
	var wired []Format
	lengths := map[int]bool{}
	for _, f := range formats {
		if !f.Contactless && !lengths[f.Bits] {
			wired, lengths[f.Bits] = append(wired, f), true
		}
	}
	for _, f := range wired {
		t.Run(f.Name, rapid.MakeCheck(func(t *rapid.T) {
			_, _, bits, n := drawCard(t, f)
			if name, m := Classify(wired, bits, n); name != f.Name || m != Fits {
				t.Fatalf("%s %v", name, m)
			}
		}))
	}
}

func BenchmarkClassify(b *testing.B) {
	_, formats := everything(b)
	for _, f := range formats {
		if f.Contactless {
			continue
		}
		bits, n, err := f.Encode(0, f.Number.Max())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, m := Classify(formats, bits, n); m != Fits {
					b.Fatal("not found")
				}
			}
		})
	}
}
