package uplink

import (
	"context"
	"errors"
	"time"

	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

const (
	maxReplies = 16          // that wait
	replyLife  = time.Minute // after which nobody waits for an answer any more
)

// reply is an answer to a command.
type reply struct {
	payload []byte
	until   time.Time
}

// sendReplies publishes the answers in order, each until the broker has it or nobody waits for it.
func sendReplies(ctx context.Context, c Config, cl client, replies <-chan reply) error {
	for {
		var r reply
		select {
		case <-ctx.Done():
			return nil
		case r = <-replies:
		}
		for {
			err := publish(ctx, cl, mqtt.Message{Topic: topic.For(c.Gateway, topic.Reply), Payload: r.payload})
			if err == nil || ctx.Err() != nil {
				break
			}
			if errors.Is(err, errStuck) {
				return err
			}
			if !time.Now().Add(retry).Before(r.until) {
				c.Log.Warn("the answer to a command could not be sent", "error", err)
				break
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retry):
			}
		}
	}
}
