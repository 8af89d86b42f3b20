package directory

import "fmt"

// The codes of errors that people can do something about.
const (
	invalid  = "invalid"
	notFound = "not_found"
	conflict = "conflict"
)

// problem is an error with a code for machines: what was asked cannot be done, and nothing was changed.
type problem struct {
	code string
	err  error
}

func fault(code, format string, args ...any) error {
	return &problem{code, fmt.Errorf("directory: "+format, args...)}
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// Code is invalid, not_found or conflict.
func (p *problem) Code() string { return p.code }
