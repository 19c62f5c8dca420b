// Package clock waits for a point in time more precisely than Go's timers do, which end when epoll_wait(2) does: it counts
// milliseconds.
package clock

import "time"

// Forever is a wait that only Wake ends.
const Forever time.Duration = -1
