package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kapija/dashboard/live"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

const pastFile = "past.json" // occupancies that are not published yet

// writeHistory writes the past into the journals, once. A start that was broken off begins again.
func (d *demo) writeHistory(ctx context.Context, real counts) error {
	if d.state.History != nil {
		return nil
	}
	if !d.People { // a folder that begins without a past never gets one
		d.state.History, d.state.Counted = map[string]uint64{}, true
		return write(d.Dir, stateFile, &d.state)
	}
	if err := os.RemoveAll(filepath.Join(d.Dir, "gateways")); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	all := map[string][]event.Occupancy{}
	history := map[string]uint64{}
	for _, b := range d.site.Buildings {
		began := time.Now()
		past, written, err := writePast(ctx, b, d.people[b.ID], real, d.state.Line,
			func(gateway string) string { return d.gatewayDir(b.ID, gateway) }, d.Log)
		if err != nil {
			return err
		}
		all[b.ID] = past
		n := uint64(0)
		for g, seq := range written {
			history[topic.Gateway{Building: b.ID, Gateway: g}.String()] = seq
			n += seq
		}
		d.say("%d days of %s: %d events written in %s", historyDays, b.Name.En, n, time.Since(began).Round(100*time.Millisecond))
	}
	if err := write(d.Dir, pastFile, all); err != nil {
		return err
	}
	d.state.History = history
	return write(d.Dir, stateFile, &d.state)
}

// healthy waits until the dashboard answers and its parts are well.
func (d *demo) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthyLimit)
	defer cancel()
	url := "http://" + d.HTTP + "/healthz"
	for {
		err := get(ctx, url, "", nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("demo: the server is not well after %s (%w); see %s", healthyLimit, err, filepath.Join(d.Dir, "log", "server.log"))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ready waits until every gateway is online with the whole policy, and every reader is listened to.
func (d *demo) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthyLimit)
	defer cancel()
	for {
		var bs []live.Building
		missing := ""
		err := get(ctx, "http://"+d.HTTP+"/api/v1/buildings", d.manifest.Token, &bs)
		for _, b := range bs {
			if !b.Known {
				missing = b.ID
			}
			for _, g := range b.Gateways {
				if !g.Online || g.Policy == 0 {
					missing = b.ID + "-" + g.ID
				}
			}
		}
		if err == nil && missing == "" && len(bs) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("demo: %s is not ready after %s (%w); see %s", missing, healthyLimit, cause(err), filepath.Join(d.Dir, "log"))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, url, token string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// settle publishes what was counted in the past, and waits until InfluxDB holds the history.
func (d *demo) settle(ctx context.Context) error {
	if d.state.Counted {
		return nil
	}
	client, err := mqtt.Dial(mqtt.Config{URL: "tcp://" + d.MQTT, ClientID: "demo", Clean: true, Retained: true, Log: d.Log})
	if err != nil {
		return err
	}
	defer client.Close()
	acks := make(chan map[string]uint64, 1)
	held := map[string]uint64{}
	err = client.Subscribe(ctx, []string{topic.All(topic.Ack)}, func(m mqtt.Message, ack func()) {
		defer ack()
		var a event.Ack
		p, err := topic.Parse(m.Topic)
		if err != nil || json.Unmarshal(m.Payload, &a) != nil {
			return
		}
		held[p.Gateway.String()] = a.Audit
		now := make(map[string]uint64, len(held))
		for g, n := range held {
			now[g] = n
		}
		select { // the newest is enough
		case <-acks:
		default:
		}
		acks <- now
	})
	if err != nil {
		return err
	}
	if err := d.publishPast(ctx, client); err != nil {
		return err
	}
	var total uint64
	for _, n := range d.state.History {
		total += n
	}
	for told := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-acks:
			var done uint64
			for g, n := range d.state.History {
				done += min(n, now[g])
			}
			if done == total {
				d.say("InfluxDB holds %d events", total)
				d.state.Counted = true
				_ = os.Remove(filepath.Join(d.Dir, pastFile))
				return write(d.Dir, stateFile, &d.state)
			}
			if time.Since(told) > 2*time.Second {
				told = time.Now()
				d.say("InfluxDB holds %d %% of the history", done*100/total)
			}
		}
	}
}

// inFlight publications at once: each waits for the broker's answer.
const inFlight = 32

func (d *demo) publishPast(ctx context.Context, client *mqtt.Client) error {
	b, err := os.ReadFile(filepath.Join(d.Dir, pastFile))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	var all map[string][]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return fmt.Errorf("demo: %s: %w", pastFile, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for building, past := range all {
		for _, o := range past {
			g.Go(func() error {
				for {
					err := client.Publish(ctx, mqtt.Message{Topic: topic.Occupancy(building), Payload: o})
					if err == nil || !errors.Is(err, mqtt.ErrNotConnected) {
						return err
					}
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-client.Up():
					}
				}
			})
		}
	}
	return g.Wait()
}

// watch keeps asking the API for the present occupancy.
func (d *demo) watch(ctx context.Context, g *errgroup.Group) func(building string) []live.Zone {
	var now atomic.Pointer[[]live.Building]
	g.Go(func() error {
		for sleep(ctx, 2*time.Second) {
			var bs []live.Building
			if err := get(ctx, "http://"+d.HTTP+"/api/v1/buildings", d.manifest.Token, &bs); err == nil {
				now.Store(&bs)
			}
		}
		return nil
	})
	return func(building string) []live.Zone {
		bs := now.Load()
		if bs == nil {
			return nil
		}
		for _, b := range *bs {
			if b.ID == building && b.Known {
				return b.Zones
			}
		}
		return nil
	}
}

// publish writes demo.json as it is now.
func (d *demo) publish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := &d.manifest
	m.HTTP, m.MQTT = "http://"+d.HTTP, "tcp://"+d.MQTT
	m.Processes = map[string]int{}
	if d.influx != nil {
		m.Processes["influxd"] = d.influx.PID()
	}
	for _, c := range d.children {
		m.Processes[c.name] = int(c.pid.Load())
	}
	m.Gateways, m.Samples = nil, nil
	for _, b := range d.site.Buildings {
		for _, g := range b.Gateways {
			m.Gateways = append(m.Gateways, Gateway{Building: b.ID, Gateway: g.ID, Socket: d.socket(b.ID, g.ID), Data: d.gatewayDir(b.ID, g.ID)})
		}
		m.Samples = append(m.Samples, samples(b, d.site.Formats, d.people[b.ID], func(g string) string { return d.socket(b.ID, g) })...)
	}
	if err := write(d.Dir, manifestFile, m); err != nil {
		d.say("%v", err)
	}
}
