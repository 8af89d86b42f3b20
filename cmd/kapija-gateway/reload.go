package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"kapija/gateway"
	"kapija/internal/site"
)

// reloads has the site read again at each SIGHUP from now on, and the gateway take it over or refuse it. A file that is not
// right changes nothing.
func (r *runCmd) reloads(ctx context.Context, manager *systemd, log *slog.Logger) <-chan gateway.Reload {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	to := make(chan gateway.Reload)
	go func() {
		defer signal.Stop(hup)
		r.serveReloads(ctx, hup, to, manager, log)
	}()
	return to
}

func (r *runCmd) serveReloads(ctx context.Context, hup <-chan os.Signal, to chan<- gateway.Reload, manager *systemd, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		manager.say(reloading())
		status := "the new configuration is in use"
		if err := r.reload(ctx, to); err != nil {
			status = "the new configuration is refused, the old one goes on: " + err.Error()
			log.Error("the new configuration is refused, the old one goes on", "error", err)
		}
		manager.say("READY=1\nSTATUS=" + status)
	}
}

func (r *runCmd) reload(ctx context.Context, to chan<- gateway.Reload) error {
	district, err := site.Load(r.Site)
	if err != nil {
		return err
	}
	b, g, err := find(district, r.Site, r.Building, r.Gateway)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	select {
	case to <- gateway.Reload{Building: b, Gateway: g, Done: done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reloading is what a service of Type=notify-reload says first: sd_notify(3).
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return "RELOADING=1"
	}
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}
