package board

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/warthog618/go-gpiocdev"
	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
)

// chip is one GPIO chip, by the path and the lines that it had when it was found.
type chip struct {
	label string
	path  string
	lines []string // names by offset
}

func findChip(label string) (*chip, error) {
	var found []string
	var failed []error
	for _, name := range gpiocdev.Chips() {
		c, err := gpiocdev.NewChip(name)
		if errors.Is(err, gpiocdev.ErrNotCharacterDevice) {
			continue // a link to another chip, for programs that count
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
			continue
		}
		found = append(found, fmt.Sprintf("%s %q", c.Name, c.Label))
		if c.Label == label {
			defer c.Close()
			return readChip(c)
		}
		c.Close()
	}
	err := fmt.Errorf("board: no GPIO chip is labelled %q: found %s; set chip in the wiring file "+
		"(Pi 4 and before: pinctrl-bcm2711 or pinctrl-bcm2835, Pi 5: pinctrl-rp1)", label, list(found))
	if cause := errors.Join(failed...); cause != nil {
		hint := ""
		if errors.Is(cause, fs.ErrPermission) {
			hint = "; add the user to group gpio"
		}
		err = fmt.Errorf("%w; not readable: %w%s", err, cause, hint)
	}
	return nil, err
}

func readChip(c *gpiocdev.Chip) (*chip, error) {
	known := &chip{label: c.Label, path: "/dev/" + c.Name}
	for i := range c.Lines() {
		info, err := c.LineInfo(i)
		if err != nil {
			return nil, fmt.Errorf("board: line %d of chip %q: %w", i, c.Label, err)
		}
		known.lines = append(known.lines, info.Name)
	}
	return known, nil
}

// offset finds a line by its name, which must be unique on the chip.
func (c *chip) offset(name string) (uint32, error) {
	at := -1
	var named []string
	for i, n := range c.lines {
		if n == "" {
			continue
		}
		named = append(named, n)
		if n != name {
			continue
		}
		if at >= 0 {
			return 0, fmt.Errorf("line %q is there twice on chip %q, at %d and %d: give the chip a device tree with other names", name, c.label, at, i)
		}
		at = i
	}
	if at < 0 {
		return 0, fmt.Errorf("no line %q on chip %q: found %s; correct the wiring file", name, c.label, list(named))
	}
	return uint32(at), nil
}

// request asks the kernel for lines in one request and returns its file descriptor, not blocking. A nil error means that
// the caller owns it.
func (c *chip) request(consumer string, config uapi.LineConfig, buffer uint32, names ...string) (fd int, offsets []uint32, err error) {
	r := uapi.LineRequest{Config: config, Lines: uint32(len(names)), EventBufferSize: buffer}
	copy(r.Consumer[:len(r.Consumer)-1], consumer)
	for i, name := range names {
		if r.Offsets[i], err = c.offset(name); err != nil {
			return 0, nil, err
		}
	}
	dev, err := unix.Open(c.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("opening %s (%s): %w", c.path, c.label, err)
	}
	defer unix.Close(dev)
	if err := uapi.GetLine(uintptr(dev), &r); err != nil {
		return 0, nil, fmt.Errorf("requesting line %s of chip %q: %w%s", strings.Join(names, " and "), c.label, err, c.users(r.Offsets[:r.Lines]...))
	}
	fd = int(r.Fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return 0, nil, fmt.Errorf("line %s of chip %q: %w", strings.Join(names, " and "), c.label, err)
	}
	return fd, append(offsets, r.Offsets[:r.Lines]...), nil
}

// users says who has lines that are busy.
func (c *chip) users(offsets ...uint32) string {
	dev, err := unix.Open(c.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(dev)
	s := ""
	for _, o := range offsets {
		info, err := uapi.GetLineInfoV2(uintptr(dev), int(o))
		if err == nil && info.Flags.IsUsed() {
			s += fmt.Sprintf("; %s is used by %q", c.lines[o], uapi.BytesToString(info.Consumer[:]))
		}
	}
	if s != "" {
		s += ": stop that program, or take the overlay that claims the line out of config.txt"
	}
	return s
}
