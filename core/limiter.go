package mcl

import (
	"sync/atomic"
	"time"
)

// A limiter lets one of what would be told through a second: a flood must not fill the disk that stderr goes to. It goes by
// Go's monotonic clock, since the system's may be set back.
type limiter struct{ last atomic.Int64 }

var limitersBegun = time.Now().Add(-time.Second)

// passes tells whether this one may be told.
func (l *limiter) passes() bool {
	now, last := int64(time.Since(limitersBegun)), l.last.Load()
	return now-last >= int64(time.Second) && l.last.CompareAndSwap(last, now)
}
