package main

import (
	"log/slog"
	"net"
	"os"
)

// systemd tells the service manager how we are: sd_notify(3). Nil when there is none.
type systemd struct{ conn *net.UnixConn }

// notifier finds the socket that the service manager gave us.
func notifier(log *slog.Logger) *systemd {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		log.Warn("the service manager cannot be told how we are", "error", err)
		return nil
	}
	return &systemd{conn}
}

// say sends one state. A failure is the service manager's to notice: its watchdog runs out.
func (s *systemd) say(state string) {
	if s != nil {
		_, _ = s.conn.Write([]byte(state))
	}
}
