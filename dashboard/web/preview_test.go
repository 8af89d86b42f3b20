package web

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/live"
	"kapija/internal/site"
)

var preview = flag.String("preview", "", "serve the pages with a plausible state on this address instead of testing; "+
	"log in as manager, guard, technician, viewer, tenant-admin or fresh with the password \"correct horse\"")

func TestMain(m *testing.M) {
	flag.Parse()
	if *preview == "" {
		os.Exit(m.Run())
	}
	if err := servePreview(*preview); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// servePreview shows every page: /as/<user>?next=/doors&lang=en logs in at once, so that a browser without hands can look.
func servePreview(addr string) error {
	d, err := site.Load("../../configs/district.yaml")
	if err != nil {
		return err
	}
	state := &fakeLive{s: plausible(d, time.Now())}
	past := fakeHistory{d: d, now: time.Now}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/as/:user", func(c *fiber.Ctx) error {
		c.Cookie(&fiber.Cookie{Name: SessionCookie, Value: "session-of-" + c.Params("user"), Path: "/"})
		return c.Redirect("/language/" + c.Query("lang", "sr-Latn") + "?next=" + url.QueryEscape(c.Query("next", "/")))
	})
	app.Get("/api/v1/buildings/:id/curve", func(c *fiber.Ctx) error {
		points, err := past.Today(c.UserContext(), c.Params("id"))
		if err != nil {
			return err
		}
		return c.JSON(fiber.Map{"capacity": d.Building(c.Params("id")).People(), "points": points})
	})
	app.Get("/api/v1/stream", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "text/event-stream")
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) { streamPreview(w, state, d) })
		return nil
	})
	Mount(app, Deps{
		Site: d, Live: state, History: past, People: newFakePeople(d, time.Now()), Auth: newFakeAuth(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	fmt.Println("http://" + addr + "/as/manager")
	return app.Listen(addr)
}

// streamPreview lets people come and go.
func streamPreview(w *bufio.Writer, state *fakeLive, d *site.District) {
	send := func(name string, v any) bool {
		b, _ := json.Marshal(v)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
		return w.Flush() == nil
	}
	fmt.Fprintf(w, "retry: %d\n\n", 1000+rand.IntN(2000))
	s := plausible(d, time.Now())
	state.mu.Lock()
	state.s = s
	state.mu.Unlock()
	for ok := send("snapshot", s); ok; {
		time.Sleep(time.Second)
		b := &s.Buildings[rand.IntN(len(s.Buildings))]
		z := &b.Zones[rand.IntN(len(b.Zones))]
		b.At = time.Now()
		if z.Known {
			z.Count++
			z.High++
			b.Count++
			b.High++
			b.Entered++
		}
		ok = send("building", b) && send("heartbeat", struct{}{}) && send("event", live.Event{Building: b.ID})
	}
}
