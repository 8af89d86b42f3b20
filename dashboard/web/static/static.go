// Package static serves the files that pages need: style sheet, scripts, icon. All are embedded. Each is served under a
// name that holds the hash of its content and may be kept for ever, compressed once when the program starts to serve.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"
)

//go:embed app.css live.js charts.js icon.svg vendor
var files embed.FS

// names are the files that are served, by their short names.
var names = map[string]string{
	"app.css": "app.css", "live.js": "live.js", "charts.js": "charts.js", "icon.svg": "icon.svg",
	"htmx.js": "vendor/htmx.min.js", "uplot.js": "vendor/uPlot.iife.min.js", "uplot.css": "vendor/uPlot.min.css",
}

var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

type file struct {
	kind             string
	raw, gzip, brotl []byte
}

type shelf struct {
	urls   map[string]string // short name → URL
	byName map[string]file   // hashed name → file
}

var load = sync.OnceValue(func() shelf {
	s := shelf{urls: map[string]string{}, byName: map[string]file{}}
	for short, stored := range names {
		raw, err := files.ReadFile(stored)
		if err != nil {
			panic("static: an embedded file is missing: " + err.Error())
		}
		sum := sha256.Sum256(raw)
		ext := path.Ext(short)
		hashed := strings.TrimSuffix(short, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		s.urls[short] = "/static/" + hashed
		s.byName[hashed] = file{kind: types[ext], raw: raw, gzip: packed(raw, newGzip), brotl: packed(raw, newBrotli)}
	}
	return s
})

// URL is the path under which the file of that short name is served. An unknown name panics: it is a mistake in a
// template, found by any test that renders it.
func URL(short string) string {
	u, ok := load().urls[short]
	if !ok {
		panic("static: no file named " + short)
	}
	return u
}

// Serve answers for /static/:file.
func Serve(c *fiber.Ctx) error {
	f, ok := load().byName[c.Params("file")]
	if !ok {
		return c.SendStatus(fiber.StatusNotFound)
	}
	c.Set(fiber.HeaderContentType, f.kind)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	switch asked := c.Get(fiber.HeaderAcceptEncoding); {
	case asked == "": // fiber takes it for anything
	case c.AcceptsEncodings("br") == "br":
		c.Set(fiber.HeaderContentEncoding, "br")
		return c.Send(f.brotl)
	case c.AcceptsEncodings("gzip") == "gzip":
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.gzip)
	}
	return c.Send(f.raw)
}

func packed(raw []byte, with func(io.Writer) io.WriteCloser) []byte {
	var b bytes.Buffer
	w := with(&b)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func newGzip(w io.Writer) io.WriteCloser {
	z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is valid
	return z
}

// newBrotli stops short of the best level, which takes seconds for nothing that is felt.
func newBrotli(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 9) }
