package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"kapija/internal/site"
	"kapija/relay"
	"kapija/server"
)

// influxFlags say where the database is.
type influxFlags struct {
	InfluxURL    string `help:"InfluxDB." default:"http://127.0.0.1:8086" env:"KAPIJA_INFLUX_URL"`
	InfluxToken  string `help:"Its token; better given by the environment." env:"KAPIJA_INFLUX_TOKEN"`
	InfluxOrg    string `help:"Its organisation; empty for InfluxDB 1.8." env:"KAPIJA_INFLUX_ORG"`
	InfluxBucket string `help:"Its bucket; DATABASE/POLICY for InfluxDB 1.8." default:"kapija/autogen" env:"KAPIJA_INFLUX_BUCKET"`
}

func (f influxFlags) config() relay.Influx {
	return relay.Influx{URL: f.InfluxURL, Token: f.InfluxToken, Org: f.InfluxOrg, Bucket: f.InfluxBucket}
}

// brokerLogin is who we are at another broker.
type brokerLogin struct {
	MQTTUser     string `name:"mqtt-user" help:"User at another broker." env:"KAPIJA_MQTT_USER"`
	MQTTPassword string `name:"mqtt-password" help:"Its password; better given by the environment." env:"KAPIJA_MQTT_PASSWORD"`
}

type serveCmd struct {
	Site     string        `help:"The district: buildings, doors, gateways." default:"configs/district.yaml" env:"KAPIJA_SITE"`
	Data     string        `help:"Folder for keys, directory, users and the broker's store." default:"kapija-data" env:"KAPIJA_DATA"`
	HTTP     string        `name:"http" help:"Address of the dashboard." default:"127.0.0.1:8080" env:"KAPIJA_HTTP"`
	MQTT     string        `name:"mqtt" help:"HOST:PORT: run a broker there. tcp://HOST:PORT: use that one." default:"127.0.0.1:1883" env:"KAPIJA_MQTT"`
	Users    string        `name:"mqtt-users" help:"File of users and passwords of the broker that is run here; made when there is none; needed beyond loopback." env:"KAPIJA_MQTT_USERS"`
	DayStart time.Duration `help:"After local midnight, when a building is taken to be empty." default:"4h" env:"KAPIJA_DAY_START"`
	TLS      bool          `name:"tls" help:"A proxy in front speaks HTTPS: cookies are for HTTPS only." env:"KAPIJA_TLS"`
	influxFlags
	brokerLogin
}

func (c serveCmd) Run(ctx context.Context, log *slog.Logger, s streams) error {
	district, err := site.Load(c.Site)
	if err != nil {
		return err
	}
	if c.DayStart < 0 || c.DayStart >= 24*time.Hour {
		return fmt.Errorf("serve: --day-start is %s; it must be from 0 to 24h", c.DayStart)
	}
	conf := server.Config{
		Site: district, Dir: c.Data, HTTP: c.HTTP, Username: c.MQTTUser, Password: c.MQTTPassword,
		Influx: c.config(), DayStart: c.DayStart, TLS: c.TLS, Version: version, Log: log,
		FirstPassword: func(user, password string) {
			fmt.Fprintf(s.out, "\nThe first user is %s, the password is %s\nIt is shown once and must be changed at the first log-in.\n\n", user, password)
		},
		Ready: func(addr string) { fmt.Fprintf(s.out, "The dashboard is at http://%s\n", addr) },
	}
	if strings.Contains(c.MQTT, "://") {
		conf.Broker = c.MQTT
	} else {
		conf.MQTT = c.MQTT
	}
	if c.Users != "" && conf.Broker != "" {
		return fmt.Errorf("serve: --mqtt-users is for the broker that is run here, and --mqtt %s is another one: leave one of them out", c.MQTT)
	}
	if c.Users != "" {
		if conf.Users, conf.Username, conf.Password, err = server.BrokerUsers(c.Users, district); err != nil {
			return err
		}
	}
	return server.Run(ctx, conf)
}

type relayCmd struct {
	Site        string `help:"The district." default:"configs/district.yaml" env:"KAPIJA_SITE"`
	MQTT        string `name:"mqtt" help:"The broker: tcp://HOST:PORT." required:"" env:"KAPIJA_MQTT"`
	Name        string `help:"What tells this relay from others at the broker." default:"relay-2" env:"KAPIJA_RELAY_NAME"`
	DeadLetters string `help:"File for what could not be understood." default:"dead-letters.jsonl" env:"KAPIJA_DEAD_LETTERS"`
	influxFlags
	brokerLogin
}

func (c relayCmd) Run(ctx context.Context, log *slog.Logger) error {
	district, err := site.Load(c.Site)
	if err != nil {
		return err
	}
	return relay.Run(ctx, relay.Config{
		MQTT: c.MQTT, Username: c.MQTTUser, Password: c.MQTTPassword, ClientID: c.Name, Influx: c.config(),
		DeadLetters: c.DeadLetters, Site: district, Log: log,
	})
}
