package directory

import (
	"context"

	"kapija/internal/policy"
)

// SetRoles says what a person may or must at doors besides the access levels.
func (d *Directory) SetRoles(ctx context.Context, by, personID string, r policy.Roles) error {
	return d.Import(ctx, by, func(t *Tx) error { return t.SetRoles(personID, r) })
}

// SetPIN gives a person a PIN of 4 … 8 digits, or another one; with no digits it takes the PIN away. Only its key is kept.
// Its last digit plus one, 0 after 9, is the PIN under duress.
func (d *Directory) SetPIN(ctx context.Context, by, personID, digits string) error {
	return d.Import(ctx, by, func(t *Tx) error { return t.SetPIN(personID, digits) })
}

// SetRoles is as of Directory.
func (t *Tx) SetRoles(personID string, r policy.Roles) error {
	const known = policy.Visitor | policy.Escort | policy.Exempt | policy.FirstPerson
	if r&^known != 0 {
		return fault(invalid, "roles %#x are not known: visitor, escort, exempt and first person are expected", r)
	}
	before, err := t.person(personID)
	if err != nil {
		return err
	}
	after := before
	after.setRoles(r)
	if after.roles() == before.roles() {
		return nil
	}
	if _, err := t.exec("UPDATE person SET roles = ? WHERE id = ?", r, personID); err != nil {
		return err
	}
	if err := t.touch(personID); err != nil {
		return err
	}
	return t.record("person.roles", personID, before, after)
}

// SetPIN is as of Directory. The record of changes says that there was a change, and never the key.
func (t *Tx) SetPIN(personID, digits string) error {
	before, err := t.person(personID)
	if err != nil {
		return err
	}
	var key any
	if digits != "" {
		k, err := t.d.key.PINKey(policy.PersonOf(personID), digits)
		if err != nil {
			return fault(invalid, "%w", err)
		}
		key = k[:]
	}
	after := before
	if after.HasPIN = digits != ""; !after.HasPIN && !before.HasPIN {
		return nil
	}
	if _, err := t.exec("UPDATE person SET pin = ? WHERE id = ?", key, personID); err != nil {
		return err
	}
	if err := t.touch(personID); err != nil {
		return err
	}
	return t.record("person.pin", personID, before, after)
}

func (t *Tx) person(id string) (Person, error) {
	people, err := readPeople(t.ctx, t.tx, " WHERE id = ?", id)
	if err != nil {
		return Person{}, t.fail(err)
	}
	if len(people) == 0 {
		return Person{}, noPerson(id)
	}
	return people[0], nil
}

// touch marks the shards of a person's badges.
func (t *Tx) touch(personID string) error {
	rows, err := t.tx.QueryContext(t.ctx, "SELECT shard FROM badge WHERE person = ?", personID)
	if err != nil {
		return t.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		var shard uint8
		if err := rows.Scan(&shard); err != nil {
			return t.fail(err)
		}
		t.touched.shards[shard] = true
	}
	return t.fail(rows.Err())
}

// roleFields are the roles and their fields.
func (p *Person) roleFields() map[policy.Roles]*bool {
	return map[policy.Roles]*bool{
		policy.Visitor: &p.Visitor, policy.Escort: &p.Escort, policy.Exempt: &p.Exempt, policy.FirstPerson: &p.FirstPerson,
	}
}

func (p *Person) roles() (r policy.Roles) {
	for role, is := range p.roleFields() {
		if *is {
			r |= role
		}
	}
	return r
}

func (p *Person) setRoles(r policy.Roles) {
	for role, is := range p.roleFields() {
		*is = r.Has(role)
	}
}
