package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// health asks each part. It is open to all, so it says which part is ill, not why: the log does.
func (s *server) health(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), 3*time.Second)
	defer cancel()
	status, parts := fiber.StatusOK, fiber.Map{}
	for _, check := range s.Checks {
		if err := check.Ask(ctx); err != nil {
			s.Log.Warn("health check failed", "part", check.Name, "error", err)
			status, parts[check.Name] = fiber.StatusServiceUnavailable, "unavailable"
			continue
		}
		parts[check.Name] = "ok"
	}
	return c.Status(status).JSON(fiber.Map{"ok": status == fiber.StatusOK, "parts": parts})
}
