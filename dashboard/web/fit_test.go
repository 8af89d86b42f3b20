package web

import (
	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/dashboard/live"
)

// What the server puts in.
var (
	_ Live   = (*live.Hub)(nil)
	_ People = (*directory.Directory)(nil)
	_ Auth   = (*auth.Auth)(nil)
)
