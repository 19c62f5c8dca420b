package mcl

import (
	"errors"

	"libmcl/core/internal/netio"
)

// A Waiter waits for a caller who has more to do meanwhile than to wait, or not for ever: a thread of C, say, that handles
// signals. Wait returns when the descriptor is writable, or after the time; -1 is no descriptor. It may return early for no
// reason. goOn tells whether the caller wants to wait any longer.
type Waiter = netio.Waiter

// A Publisher publishes by a broadcaster, and a Waiter waits for room in the socket's buffer and for what others publish. When
// that does not want to wait any longer, the error is ErrInterrupted, and nothing was sent. A message of which some fragments
// have left goes on leaving from a copy: ErrLeaving. What is published later leaves after it, and Flush waits for it.
type Publisher struct {
	broadcaster *RawBroadcaster
	by          Waiter
}

// ErrLeaving means that all was taken, but the rest of the last message leaves by itself. An error in that is counted, and
// returned by the next Flush.
var ErrLeaving = errors.New("mcl: the rest of a large message leaves by itself")

// By returns a Publisher. A nil Waiter waits for as long as it takes, as the broadcaster's own methods do.
func (b *RawBroadcaster) By(w Waiter) Publisher { return Publisher{b, w} }
