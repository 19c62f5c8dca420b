package netio

import "time"

// arrivals gives packets that bear no time of arrival one: not before it, and not after that of any packet behind.
type arrivals struct {
	// guess is the time of the last packet that was read, if that was guessed, else 0. What arrived between the reading and
	// the guess has an earlier time of its own, and is still to come.
	guess int64
}

// ahead is by how much a guess can be later than what arrived after its packet. By more, the clock was set back.
const ahead = int64(time.Second)

// set is called with each batch, in order of arrival. now is asked for the time if need be.
func (a *arrivals) set(packets []Packet, now func() int64) {
	next, guess := int64(0), a.guess
	for i := len(packets) - 1; i >= 0; i-- {
		p := &packets[i]
		switch early := guess - p.Time; {
		case p.Time == 0 && next == 0:
			p.Time = now()
			a.guess = p.Time
		case p.Time == 0:
			p.Time = next
		case 0 < early && early < ahead:
			p.Time = guess
		case next == 0:
			a.guess = 0
		}
		next = p.Time
	}
}

func wallClock() int64 { return time.Now().UnixNano() }
