package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"kapija/demo"
)

type demoCmd struct {
	Data   string  `help:"Folder for everything; the demo goes on where it ended." default:"kapija-data/demo"`
	HTTP   string  `name:"http" help:"Address of the dashboard." default:"127.0.0.1:8080"`
	MQTT   string  `name:"mqtt" help:"Address of the broker." default:"127.0.0.1:1883"`
	Influx string  `help:"Address of InfluxDB." default:"127.0.0.1:8086"`
	At     string  `help:"Simulated time of day at the start." default:"08:45" placeholder:"HH:MM"`
	Speed  float64 `help:"Simulated seconds in a second; the history before the start runs at 1." default:"10"`
	People bool    `help:"Made-up people come and go, and have done so for two weeks; --no-people: only what is done by hand." default:"true" negatable:""`
}

func (c demoCmd) Run(ctx context.Context, log *slog.Logger, s streams) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	gateway := filepath.Join(filepath.Dir(self), "kapija-gateway")
	if _, err := os.Stat(gateway); err != nil {
		return fmt.Errorf("demo: expected the gateway's program beside this one, at %s; make it with `make build`: %w", gateway, err)
	}
	return demo.Run(ctx, demo.Config{
		Dir: c.Data, HTTP: c.HTTP, MQTT: c.MQTT, Influx: c.Influx, At: c.At, Speed: c.Speed, People: c.People,
		Kapija: self, Gateway: gateway, Out: s.out, Log: log,
	})
}
