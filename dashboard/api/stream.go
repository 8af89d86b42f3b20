package api

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/auth"
	"kapija/dashboard/live"
)

const (
	heartbeat  = 5 * time.Second  // a viewer without one for twice as long knows that the connection hangs
	frameLimit = 10 * time.Second // to write one frame; a slower viewer is gone
)

// stream is server-sent events: the snapshot, then changes.
func (s *server) stream(c *fiber.Ctx) error {
	u := c.Locals(userKey).(auth.User)
	v := s.Live.Watch(scope(u.Role))
	if v == nil {
		return fail(fiber.StatusServiceUnavailable, "stopping", "the server is stopping; come back in a moment")
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // a proxy must not collect frames
	conn := c.Context().Conn()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer v.Close()
		defer func() { // fasthttp lets a panic in here end the process
			if p := recover(); p != nil {
				s.Log.Error("stream failed", "panic", fmt.Sprint(p))
			}
		}()
		feed(w, conn, v)
	})
	return nil
}

func feed(w *bufio.Writer, conn net.Conn, v *live.Viewer) {
	// Viewers that were cut off together come back spread over some seconds.
	fmt.Fprintf(w, "retry: %d\n\n", 1000+rand.IntN(4000))
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(frameLimit))
		if w.Flush() != nil {
			return
		}
		select {
		case f, ok := <-v.C:
			if !ok {
				return
			}
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", f.Event, f.Data)
		case <-beat.C:
			fmt.Fprint(w, "event: heartbeat\ndata: {}\n\n")
		}
	}
}
