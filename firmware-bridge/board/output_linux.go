package board

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"

	"github.com/warthog618/go-gpiocdev/uapi"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// output is one output line. Off is what its request made it.
type output struct {
	name string
	line driven
}

// driven is a requested output line; on means energised.
type driven interface {
	Set(on bool) error
	Get() (on bool, err error)
	Close() error
}

var _ bridge.Output = (*output)(nil)

// output requests a line that is off from the moment at which it drives at all (L14).
//
// An output that is energised when high goes through periph. A periph line starts low, and cannot start otherwise: a
// relay that is energised when low would click at each start. Such a line is requested from the kernel as active low
// and inactive, in one step.
func (c *chip) output(consumer string, w site.OutputWiring) (*output, error) {
	var line driven
	var err error
	if w.ActiveLow {
		line, err = c.lowLine(consumer, w.Line)
	} else {
		line, err = c.periphLine(w.Line)
	}
	if err != nil {
		return nil, err
	}
	o := &output{name: w.Line, line: line}
	on, err := o.Level()
	if err == nil && on {
		err = fmt.Errorf("line %s reads back on after it was requested as off: check what else drives it", w.Line)
	}
	if err != nil {
		return nil, errors.Join(err, line.Close())
	}
	return o, nil
}

// Set implements bridge.Output.
func (o *output) Set(on bool) error {
	if err := o.line.Set(on); err != nil {
		return fmt.Errorf("board: line %s: setting it %s: %w", o.name, word(on), err)
	}
	got, err := o.Level()
	if err != nil {
		return err
	}
	if got != on {
		return fmt.Errorf("board: line %s was set %s and reads back %s: check what else drives it, and the wiring", o.name, word(on), word(got))
	}
	return nil
}

// Level implements bridge.Output: true is energised.
func (o *output) Level() (bool, error) {
	on, err := o.line.Get()
	if err != nil {
		return false, fmt.Errorf("board: line %s: reading it back: %w", o.name, err)
	}
	return on, nil
}

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// periphLine is a set of one line: periph's single line turns itself into an input when it is read.
type periphLine struct {
	mu  sync.Mutex
	set *gpioioctl.LineSet // nil when closed; periph itself would use descriptor 0
}

func (c *chip) periphLine(name string) (*periphLine, error) {
	offset, err := c.offset(name)
	if err != nil {
		return nil, err
	}
	for _, p := range gpioioctl.Chips {
		if p.Path() != c.path {
			continue
		}
		// By offset: periph renames a line whose name another chip has too.
		l := p.ByNumber(int(offset))
		if l == nil || c.renumbered(p) {
			break
		}
		set, err := p.LineSet(gpioioctl.LineOutput, gpio.NoEdge, gpio.PullNoChange, l.Name())
		if err != nil {
			return nil, fmt.Errorf("requesting line %s of chip %q through periph: %w%s", name, c.label, err, c.users(offset))
		}
		return &periphLine{set: set}, nil
	}
	return nil, fmt.Errorf("chip %q (%s) came after periph had looked for chips: restart", c.label, c.path)
}

func (c *chip) renumbered(p *gpioioctl.GPIOChip) bool {
	return p.Label() != c.label || p.LineCount() != len(c.lines)
}

func (p *periphLine) Set(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		return os.ErrClosed
	}
	var bits gpio.GPIOValue
	if on {
		bits = 1
	}
	return p.set.Out(bits, 1)
}

func (p *periphLine) Get() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		return false, os.ErrClosed
	}
	v, err := p.set.Read(1)
	return v&1 == 1, err
}

func (p *periphLine) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		return os.ErrClosed
	}
	defer func() { p.set = nil }()
	return p.set.Close()
}

// lowLine is energised when low; the kernel inverts.
type lowLine struct {
	f   *os.File
	raw syscall.RawConn
}

func (c *chip) lowLine(consumer, name string) (*lowLine, error) {
	config := uapi.LineConfig{Flags: uapi.LineFlagV2Output | uapi.LineFlagV2ActiveLow}
	config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.OutputValues(0).Encode(), Mask: 1})
	fd, _, err := c.request(consumer, config, 0, name)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), consumer)
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lowLine{f, raw}, nil
}

func (l *lowLine) Set(on bool) error {
	v := uapi.LineValues{Mask: 1}
	if on {
		v.Bits = 1
	}
	err := os.ErrClosed
	_ = l.raw.Control(func(fd uintptr) { err = uapi.SetLineValuesV2(fd, v) })
	return err
}

func (l *lowLine) Get() (bool, error) {
	v, err := values(l.raw, 1)
	return v.Get(0) == 1, err
}

func (l *lowLine) Close() error { return l.f.Close() }
