package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"
)

// coded is an error that says what kind it is. Directory and auth return such.
type coded interface {
	error
	Code() string
}

// problem is an error of this package with a code of its own.
type problem string

func (p problem) Error() string { return "web: " + string(p) }

// Code is the kind of the problem.
func (p problem) Code() string { return string(p) }

// The problems that this package finds itself.
const (
	errForbidden = problem("forbidden")
	errNotFound  = problem("not_found")
	errStale     = problem("form_expired") // the form's token does not fit the session
	errForeign   = problem("foreign_form") // the form was sent from another site
)

// statuses is the one place where a code becomes a status of HTTP. Each has a text named error.<code>.
var statuses = map[string]int{
	"invalid":      fiber.StatusUnprocessableEntity,
	"not_found":    fiber.StatusNotFound,
	"conflict":     fiber.StatusConflict,
	"forbidden":    fiber.StatusForbidden,
	"rate_limited": fiber.StatusTooManyRequests,
	"unauthorized": fiber.StatusUnauthorized,
	"form_expired": fiber.StatusForbidden,
	"foreign_form": fiber.StatusForbidden,
	"internal":     fiber.StatusInternalServerError,
}

// judge gives the code and status of an error; whatever has no known code is internal.
func judge(err error) (code string, status int) {
	if c, ok := errors.AsType[coded](err); ok {
		if status, known := statuses[c.Code()]; known {
			return c.Code(), status
		}
	}
	if f, ok := errors.AsType[*fiber.Error](err); ok && f.Code == fiber.StatusNotFound {
		return "not_found", f.Code
	}
	return "internal", fiber.StatusInternalServerError
}
