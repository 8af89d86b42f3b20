package event

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 400).Draw(t, "records")
		var records [][]byte
		for i := range n {
			records = append(records, fmt.Appendf(nil, `{"seq":%d,"cause":%q}`, i+1, rapid.StringMatching(`[<>&a-z ]{0,60}`).Draw(t, "cause")))
		}
		payload := EncodeBatch(records)
		b, err := DecodeBatch(payload)
		if err != nil || b.V != 1 || len(b.Records) != n {
			t.Fatalf("%d of %d records, %v", len(b.Records), n, err)
		}
		raw := 0
		for i, r := range b.Records {
			raw += len(r)
			if !bytes.Equal(r, records[i]) {
				t.Fatalf("record %d: %s became %s", i, records[i], r)
			}
		}
		if compressed := bytes.HasPrefix(payload, gzipMagic); compressed != (raw+n+19 > compressFrom) {
			t.Fatalf("%d bytes of records, compressed %v", raw, compressed)
		}
	})
}

func TestBatchThatUnpacksToTooMuch(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(make([]byte, maxBatch+1))
	w.Close()
	if _, err := DecodeBatch(bomb.Bytes()); err == nil {
		t.Error("a payload that grows without bound is taken")
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add([]byte(`{"v":1,"records":[{"seq":1}]}`))
	f.Add(EncodeBatch([][]byte{bytes.Repeat([]byte(" "), compressFrom), []byte("1")}))
	f.Add([]byte{0x1f, 0x8b})
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := DecodeBatch(payload)
		if err != nil {
			return
		}
		for _, r := range b.Records {
			if len(r) > maxBatch && len(r) > len(payload) {
				t.Fatal("a record is longer than what a payload may unpack to")
			}
		}
	})
}
