package demo

import (
	"context"
	"path/filepath"
	"time"

	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/site"
	"kapija/server"
)

// seed makes the user, the token and the people of a new demo, and finds the people's pseudonyms again in an old one.
func (d *demo) seed(ctx context.Context, keys server.Keys) error {
	dir := filepath.Join(d.Dir, "server")
	if d.manifest.Token == "" {
		if err := d.addUser(ctx, filepath.Join(dir, server.UsersFile)); err != nil {
			return err
		}
		if err := write(d.Dir, manifestFile, &d.manifest); err != nil {
			return err
		}
	}
	book, err := directory.Open(filepath.Join(dir, server.DirectoryFile), keys.Site, d.site)
	if err != nil {
		return err
	}
	defer book.Close()
	if !d.state.Seeded {
		d.say("Making up people, badges and access levels")
		err := book.Import(ctx, "demo", func(tx *directory.Tx) error {
			for _, b := range d.site.Buildings {
				if err := addPeople(tx, b, d.people[b.ID]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		d.state.Seeded = true
		d.state.Badges = map[string]string{}
		for _, people := range d.people {
			for _, p := range people {
				d.state.Badges[p.ID] = p.Badge
			}
		}
		return write(d.Dir, stateFile, &d.state)
	}
	for _, people := range d.people {
		for _, p := range people {
			p.Badge = d.state.Badges[p.ID]
		}
	}
	return nil
}

func (d *demo) addUser(ctx context.Context, path string) error {
	users, err := auth.Open(path)
	if err != nil {
		return err
	}
	defer users.Close()
	name, password, created, err := users.Bootstrap(ctx)
	if err != nil {
		return err
	}
	if created { // nobody else knows it: it need not be changed here
		if err := users.SetPassword(ctx, name, password, false); err != nil {
			return err
		}
		d.manifest.User, d.manifest.Password = name, password
	}
	d.manifest.Token, err = users.CreateToken(ctx, tokenName, auth.Manager)
	return err
}

// addPeople adds a building's access levels, one for each zone with desks, and its people.
func addPeople(tx *directory.Tx, b *site.Building, people []*person) error {
	levels := map[string]string{} // zone: level
	for _, r := range residents[b.ID] {
		z := b.Zone(r.zone)
		if z == nil || levels[r.zone] != "" {
			continue
		}
		l, err := tx.AddLevel(directory.Level{
			ID: b.ID + "-" + r.zone, Building: b.ID, Name: z.Name.Sr,
			Grants: []policy.Grant{{Doors: doorsFor(b, r.zone), Schedule: "always"}},
		})
		if err != nil {
			return err
		}
		levels[r.zone] = l.ID
	}
	for _, p := range people {
		if p.Fate == event.UnknownBadge {
			continue // a card that nobody was given
		}
		var has []string
		if p.Home != "" {
			has = []string{levels[p.Home]}
		} else if p.Fate != event.NoAccess {
			has = []string{levels[residents[b.ID][0].zone]}
		}
		made, err := tx.AddPerson(directory.Person{Name: p.Name, Company: p.Company, Levels: has, Extended: p.Slow})
		if err != nil {
			return err
		}
		var until time.Time
		if p.Fate == event.Expired {
			until = time.Now().Add(-time.Hour)
		}
		badge, err := tx.AddBadge(made.ID, p.Card, time.Time{}, until)
		if err != nil {
			return err
		}
		p.Badge = badge.ID
		switch p.Fate {
		case event.Revoked:
			err = tx.RevokeBadge(badge.ID)
		case event.Suspended:
			err = tx.Suspend(made.ID, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
