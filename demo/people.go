package demo

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"kapija/dashboard/directory"
	"kapija/internal/cardformat"
	"kapija/internal/event"
	"kapija/internal/site"
)

// person is one made-up cardholder.
type person struct {
	ID      string // the same at each start
	Name    string
	Company string
	Home    string         // zone of the person's desk
	Garage  bool           // comes by car
	Slow    bool           // needs the longer release
	Card    directory.Card // never written to disk
	Bits    string         // what a reader sends for it: 0 and 1
	Badge   string         // pseudonym, from the directory; empty for a card that nobody was given
	Fate    event.Reason   // why this person's badge never opens anything; empty: it does
}

// resident says who works where, and how many people use how much of a zone.
type resident struct {
	zone    string
	company string
	people  int
}

var residents = map[string][]resident{
	"lozionica": {
		{"startup-offices", "Врачар софтвер", 70}, {"ai-district", "Институт за ВИ", 45}, {"cyber-district", "Сајбер штит", 35},
		{"open-data-hub", "Отворени подаци", 25}, {"digital-district", "Дигитална Србија", 55}, {"it-office", "Канцеларија за ИТ и еУправу", 60},
		{"egov-offices", "Кућа еУправе", 20}, {"workshops", "Ложионица радионице", 15}, {"exhibition", "Ложионица програм", 10},
	},
	"kragujevac": {
		{"offices", "Шумадија развој", 30}, {"incubator", "Инкубатор Крагујевац", 35}, {"coworking", "Дељени простор", 20},
		{"lab-electronics", "Електро лаб", 12}, {"lab-ai", "ВИ лаб", 14}, {"admin", "Дистрикт Крагујевац", 8},
	},
}

var (
	firstNames = []string{"Милица", "Јелена", "Марија", "Ана", "Ивана", "Драгана", "Љиљана", "Џејна", "Ђурђа", "Сања", "Тијана", "Невена", "Катарина", "Душица", "Њежана",
		"Никола", "Марко", "Стефан", "Лука", "Ђорђе", "Милош", "Жарко", "Предраг", "Љубиша", "Немања", "Вук", "Страхиња", "Огњен", "Часлав", "Шћепан"}
	lastNames = []string{"Јовановић", "Петровић", "Николић", "Марковић", "Ђорђевић", "Стојановић", "Илић", "Станковић", "Павловић", "Милошевић", "Живковић", "Њежић", "Љубичић",
		"Џелатовић", "Шапоњић", "Чавић", "Обрадовић", "Тодоровић", "Вукчевић", "Крстић", "Бјелић", "Зорић", "Лазић", "Рашковић", "Цветковић", "Гајић", "Ћирић", "Кнежевић"}
)

// format is the card format that a building's readers use.
func format(b *site.Building) string { return b.Gateways[0].Readers[0].Formats[0] }

// facilities keeps the two buildings' cards apart.
var facilities = map[string]uint64{"lozionica": 21, "kragujevac": 34}

// give makes up the person's card. In a format without a facility code the facility is part of the number.
func (p *person) give(b *site.Building, formats *cardformat.Set, number uint64) *person {
	c := directory.Card{Format: format(b), Facility: facilities[b.ID], Number: number}
	if f, ok := formats.Lookup(c.Format); ok && f.Facility.Width == 0 {
		c.Number += 100_000 * c.Facility
		c.Facility = 0
	}
	bits, n, err := formats.Encode(c.Format, c.Facility, c.Number)
	if err != nil {
		panic(fmt.Sprintf("demo: a made-up card does not fit its format: %v", err))
	}
	p.Card, p.Bits = c, cardformat.String(bits, n)
	return p
}

// populate makes up the people of a building, always the same ones.
func populate(b *site.Building, formats *cardformat.Set) []*person {
	rng := rand.New(rand.NewPCG(seed(b.ID), 1))
	var ps []*person
	for _, r := range residents[b.ID] {
		if b.Zone(r.zone) == nil {
			continue // the configuration was changed: that zone has no made-up people
		}
		for range r.people {
			p := &person{
				Name:    firstNames[rng.IntN(len(firstNames))] + " " + lastNames[rng.IntN(len(lastNames))],
				Company: r.company, Home: r.zone, Garage: b.Zone("garage") != nil && rng.IntN(3) == 0, Slow: rng.IntN(60) == 0,
			}
			ps = append(ps, p.give(b, formats, uint64(10_001+len(ps))))
		}
	}
	for i, f := range []event.Reason{event.Revoked, event.Suspended, event.Expired, event.NoAccess, event.UnknownBadge} {
		p := &person{Name: firstNames[i] + " Пробић", Company: "Пример", Fate: f}
		ps = append(ps, p.give(b, formats, uint64(20_001+i)))
	}
	p := &person{Name: "Проба Пробић", Company: "Пример", Home: residents[b.ID][0].zone}
	ps = append(ps, p.give(b, formats, 30_001))
	for i, p := range ps {
		p.ID = fmt.Sprintf("%s-%d", b.ID, i+1)
	}
	return ps
}

// fated finds the made-up person whose badge is refused for a reason.
func fated(people []*person, r event.Reason) *person {
	i := slices.IndexFunc(people, func(p *person) bool { return p.Fate == r })
	return people[i]
}

// guest is the person who lives in the samples only, so that nothing else uses that badge.
func guest(people []*person) *person { return people[len(people)-1] }

// busy are the people who come and go by themselves.
func busy(people []*person) []*person {
	i := slices.IndexFunc(people, func(p *person) bool { return p.Fate != "" })
	return people[:i]
}

func seed(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// leg is one door on a way, and the side to which it is passed.
type leg struct {
	door *site.Door
	in   bool
}

// route is the shortest way from one zone to another through doors that can be passed in that direction; nil when
// there is none. With badge false only doors that need none count.
func route(b *site.Building, from, to string, badge bool) []leg {
	came := map[string]leg{from: {}}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		z := queue[0]
		if z == to {
			var way []leg
			for z != from {
				l := came[z]
				way = append(way, l)
				z = l.door.To
				if l.in {
					z = l.door.From
				}
			}
			slices.Reverse(way)
			return way
		}
		for _, d := range b.Doors {
			next, in := d.To, true
			if d.To == z {
				next, in = d.From, false
			} else if d.From != z {
				continue
			}
			if _, been := came[next]; been || !passable(d, in, badge) {
				continue
			}
			came[next] = leg{d, in}
			queue = append(queue, next)
		}
	}
	return nil
}

// passable reports whether a door can be passed in a direction: by badge where a reader is, else by request to exit, or
// because it stands unlocked.
func passable(d *site.Door, in, badge bool) bool {
	if d.Mode == site.Unlocked {
		return true
	}
	if in {
		return d.Entry != "" && badge
	}
	return d.Exit != "" && badge || d.Exit == "" && d.REX != ""
}
