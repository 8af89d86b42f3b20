package auth

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is what somebody may do.
type Role string

// The roles.
const (
	Manager    Role = "manager"      // facility manager: everything
	Guard      Role = "guard"        // doors, alarms, evacuation; reads people
	Technician Role = "technician"   // devices; reads doors
	Tenant     Role = "tenant-admin" // own company's people
	Viewer     Role = "viewer"       // numbers only
)

var roles = []Role{Manager, Guard, Technician, Tenant, Viewer}

// ParseRole checks a role. The error names all of them.
func ParseRole(s string) (Role, error) {
	if !slices.Contains(roles, Role(s)) {
		names := make([]string, len(roles))
		for i, r := range roles {
			names[i] = string(r)
		}
		return "", fault(invalid, "%.40q is no role: one of %s is expected", s, strings.Join(names, ", "))
	}
	return Role(s), nil
}

// User is who is logged in or holds a token. The name of a token's holder is "token:" and the token's name; no user can
// be called so.
type User struct {
	Name       string
	Role       Role
	MustChange bool   // the password was given by somebody else and must be changed (L50)
	Language   string // sr-Latn, sr-Cyrl, en; empty: none was chosen
}

// Token is a bearer token, without its secret.
type Token struct {
	Name    string
	Role    Role
	Created time.Time
	Used    time.Time // to a minute; zero: never
}

// The codes of errors that people can do something about.
const (
	invalid      = "invalid"
	notFound     = "not_found"
	conflict     = "conflict"
	unauthorized = "unauthorized"
	rateLimited  = "rate_limited"
)

// problem is an error with a code for machines.
type problem struct {
	code string
	err  error
}

func fault(code, format string, args ...any) error {
	return &problem{code, fmt.Errorf("auth: "+format, args...)}
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// Code is invalid, not_found, conflict, unauthorized or rate_limited.
func (p *problem) Code() string { return p.code }
