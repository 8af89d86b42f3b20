package event

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	compressFrom = 8 << 10 // bytes of JSON from which on a batch is compressed
	maxBatch     = 4 << 20 // bytes of JSON that a compressed batch may unpack to
)

// gzipMagic begins a compressed payload (RFC 1952, 2.3.1); JSON never begins so.
var gzipMagic = []byte{0x1f, 0x8b}

// writers keeps what a compressor needs, some 800 kB, from being made for each batch of a backlog; the collector frees it.
var writers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// EncodeBatch is the payload of a Batch of records, each of which must be JSON: it is put in as it is. A payload of more
// than 8 kB is compressed with gzip.
func EncodeBatch(records [][]byte) []byte {
	size := len(`{"v":1,"records":[]}`) + len(records)
	for _, r := range records {
		size += len(r)
	}
	b := make([]byte, 0, size)
	b = append(b, `{"v":1,"records":[`...)
	for i, r := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r...)
	}
	b = append(b, `]}`...)
	if len(b) <= compressFrom {
		return b
	}
	var out bytes.Buffer
	w := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(b); err != nil {
		return b
	}
	if err := w.Close(); err != nil {
		return b
	}
	return out.Bytes()
}

// DecodeBatch reads what EncodeBatch wrote, or plain JSON of any size. The records are the bytes that the gateway wrote.
// A compressed payload that unpacks to more than 4 MB is refused. Whether version and number of records are what a
// reader expects is for the reader to check.
func DecodeBatch(payload []byte) (Batch, error) {
	var b Batch
	if bytes.HasPrefix(payload, gzipMagic) {
		r, err := gzip.NewReader(bytes.NewReader(payload))
		if err != nil {
			return b, fmt.Errorf("event: batch of %d bytes looks compressed and is not: %w", len(payload), err)
		}
		payload, err = io.ReadAll(io.LimitReader(r, maxBatch+1))
		if err != nil {
			return b, fmt.Errorf("event: compressed batch is damaged: %w", err)
		}
		if len(payload) > maxBatch {
			return b, fmt.Errorf("event: compressed batch unpacks to more than %d bytes, which no gateway sends", maxBatch)
		}
	}
	if len(payload) == 0 {
		return b, errors.New("event: batch is empty: JSON, plain or compressed with gzip, is expected")
	}
	if err := json.Unmarshal(payload, &b); err != nil {
		return b, fmt.Errorf("event: not a batch: %w", err)
	}
	return b, nil
}
