package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Client drives virtual wires over their socket. Its commands follow each other on one connection, which is made
// when there is something to say and made again after the server closed it; use one Client per reader to badge at
// several at once.
type Client struct {
	socket string

	turn chan struct{} // holds one token: the right to talk
	mu   sync.Mutex
	conn net.Conn // nil: none; owned by who has the turn, closed by anyone
	in   *bufio.Reader
	used time.Time
}

// Dial gives a client of the wires behind a socket. It connects at the first command.
func Dial(socket string) *Client {
	c := &Client{socket: socket, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// Wiegand sends one frame at a reader; bits are 0 and 1. It returns after the last bit.
func (c *Client) Wiegand(ctx context.Context, reader, bits string) error {
	return c.tell(ctx, "wiegand", reader, bits)
}

// Level sets the electrical level of an input.
func (c *Client) Level(ctx context.Context, input string, high bool) error {
	level := "0"
	if high {
		level = "1"
	}
	return c.tell(ctx, "level", input, level)
}

// Value sets what a sensor measures; the quantity is a Brick class, or temperature (Cel), humidity (%), pressure
// (Pa), co2 ([ppm]).
func (c *Client) Value(ctx context.Context, sensor, quantity string, value float64) error {
	return c.tell(ctx, "value", sensor, quantity, strconv.FormatFloat(value, 'g', -1, 64))
}

// Outputs tells for each output whether it is energised.
func (c *Client) Outputs(ctx context.Context) (map[string]bool, error) {
	got, err := c.do(ctx, "outputs")
	if err != nil {
		return nil, err
	}
	on := map[string]bool{}
	if err := json.Unmarshal([]byte(got), &on); err != nil {
		return nil, fmt.Errorf("sim: answer to outputs: %w", err)
	}
	return on, nil
}

// Fail breaks a device, as the package comment says.
func (c *Client) Fail(ctx context.Context, device string) error { return c.tell(ctx, "fail", device) }

// Heal mends it.
func (c *Client) Heal(ctx context.Context, device string) error { return c.tell(ctx, "heal", device) }

// Close closes the connection, if there is one. The client can go on to be used.
func (c *Client) Close() error {
	c.drop()
	return nil
}

func (c *Client) tell(ctx context.Context, words ...string) error {
	for _, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\r\n") {
			return fmt.Errorf("sim: %s with %q: an argument is one word", words[0], w)
		}
	}
	got, err := c.do(ctx, words...)
	if err == nil && got != "ok" {
		err = fmt.Errorf("sim: %s answered %q, expected ok", words[0], got)
	}
	return err
}

var errCut = errors.New("closed before it answered")

func (c *Client) do(ctx context.Context, words ...string) (string, error) {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", fmt.Errorf("sim: %s: %w", words[0], ctx.Err())
	}
	// A server that closes an idle connection while the command is under way has not obeyed it: once more is safe.
	line := strings.Join(words, " ") + "\n"
	got, err := c.ask(ctx, line)
	if errors.Is(err, errCut) && ctx.Err() == nil {
		got, err = c.ask(ctx, line)
	}
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	if err != nil {
		c.drop()
		return "", fmt.Errorf("sim: %s at %s: %w", words[0], c.socket, err)
	}
	if reason, bad := strings.CutPrefix(got, "error: "); bad {
		return "", fmt.Errorf("sim: %s at %s: %s", words[0], c.socket, reason)
	}
	return got, nil
}

func (c *Client) ask(ctx context.Context, line string) (string, error) {
	conn, in, err := c.connection(ctx)
	if err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, c.drop)()
	if _, err := conn.Write([]byte(line)); err != nil {
		c.drop()
		return "", fmt.Errorf("%w: %w", errCut, err)
	}
	got, err := in.ReadString('\n')
	if err != nil {
		c.drop()
		return "", fmt.Errorf("%w: %w", errCut, err)
	}
	c.mu.Lock()
	c.used = time.Now()
	c.mu.Unlock()
	return strings.TrimSuffix(got, "\n"), nil
}

// connection gives the one there is, unless the server may be about to close it.
func (c *Client) connection(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && time.Since(c.used) < answeredIdle/2 {
		return c.conn, c.in, nil
	}
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, nil, err
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	return c.conn, c.in, nil
}

func (c *Client) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}
