package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kapija/firmware-bridge/technician"
	"kapija/gateway"
	"kapija/gateway/clock"
)

type checkCmd struct {
	hands
	For  time.Duration `help:"How long devices may take: a CO2 sensor needs 6 s, a reader on a bus is given up after 8 s." default:"10s"`
	JSON bool          `help:"One JSON object for each device." name:"json"`
}

// Run prints a line for each device, and ends with an error when one is ill.
func (c *checkCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	return c.hold(ctx, log, func(_ found, at technician.Config) error {
		log.Info("looking", "gateway", c.Gateway, "for", c.For)
		findings, err := technician.Check(ctx, at, c.For)
		if err != nil {
			return err
		}
		findings = append(findings, machine(c.Keys)...)
		show := printTable
		if c.JSON {
			show = printJSON
		}
		if err := show(out, findings); err != nil {
			return err
		}
		if ill := countIll(findings); ill > 0 {
			return fmt.Errorf("%d of %d are not well", ill, len(findings))
		}
		return nil
	})
}

// machine is what a gateway needs besides its wires.
func machine(keys string) []technician.Finding {
	k := technician.Finding{Kind: "keys", ID: "keys", Place: keys, OK: true, Found: "policy.pub and site.key are there"}
	if _, err := gateway.LoadKeys(keys); err != nil {
		k.OK, k.Found = false, err.Error()
	}
	t := technician.Finding{Kind: "clock", ID: "clock", Place: "this machine", OK: true, Found: "synchronised"}
	if !clock.KernelSynced() {
		t.OK, t.Found = false, "not synchronised: "+time.Now().Format(time.RFC3339)
		t.Try = "timedatectl: is NTP on, can the time server be reached? doors work, but expired badges cannot be told until the time is known"
	}
	return []technician.Finding{k, t}
}

func countIll(findings []technician.Finding) (ill int) {
	for _, f := range findings {
		if !f.OK {
			ill++
		}
	}
	return ill
}

func printJSON(out io.Writer, all []technician.Finding) error {
	e := json.NewEncoder(out)
	for _, v := range all {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// printTable prints what is well in one line each, and below what is ill what to try.
func printTable(out io.Writer, findings []technician.Finding) error {
	var kind, id, place int
	for _, f := range findings {
		kind, id = max(kind, len(f.Kind)), max(id, len(f.ID))
		if n := utf8.RuneCountInString(f.Place); n <= widePlace { // a longer one moves its own line alone
			place = max(place, n)
		}
	}
	var b strings.Builder
	for _, f := range findings {
		mark := "ok"
		if !f.OK {
			mark = "FAULT"
		}
		fmt.Fprintf(&b, "%-5s  %-*s  %-*s  %-*s  %s\n", mark, kind, f.Kind, id, f.ID, place, oneLine(f.Place), oneLine(f.Found))
		if f.Try != "" {
			fmt.Fprintf(&b, "%*s  try: %s\n", len("FAULT")+kind+id+place+3*len("  "), "", oneLine(f.Try))
		}
	}
	ill := countIll(findings)
	fmt.Fprintf(&b, "%d well, %d not\n", len(findings)-ill, ill)
	_, err := io.WriteString(out, b.String())
	return err
}

// widePlace is as wide as two lines with their pins.
const widePlace = 40

// oneLine is a text without ends of lines, and without what would steer a terminal.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}
