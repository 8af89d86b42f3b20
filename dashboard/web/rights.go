package web

import "kapija/dashboard/auth"

// right is something that a page shows or does.
type right uint8

const (
	nothing    right = 0 // being logged in is enough
	seeZones   right = 1 << (iota - 1)
	seeDoors         // their state, and which door an alarm is about
	seeDevices       //
	seeEvents        //
	seePeople        //
	editPeople       //
)

// rights says what each role may. A role that is not here may only log in. Neither users nor zones name a company yet:
// until they do, a tenant administrator sees the totals of buildings and nothing that may be another company's.
var rights = map[auth.Role]right{
	auth.Manager:    seeZones | seeDoors | seeDevices | seeEvents | seePeople | editPeople,
	auth.Guard:      seeZones | seeDoors | seeDevices | seeEvents | seePeople,
	auth.Technician: seeZones | seeDoors | seeDevices | seeEvents,
	auth.Viewer:     seeZones,
	auth.Tenant:     nothing,
}

func may(r auth.Role, want right) bool { return rights[r]&want == want }
