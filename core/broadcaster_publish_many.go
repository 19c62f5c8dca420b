package mcl

// An Item is one message of PublishMany.
type Item struct {
	Topic   *string // nil: the default topic
	Payload []byte  // msgpack: exactly one object
}

// PublishMany publishes messages in order, by few system calls: neighbours of one size leave in one piece, up to 64 at a time,
// where the kernel can take that apart (UDP_SEGMENT, Linux 4.18 and later) and each fits the MTU. On the wire they are what as
// many calls of PublishPacked make of them. It is for what is at hand at once; nothing slows it down to what receivers can
// take, save that large messages (see PublishPacked) are paced.
//
// It returns how many messages have left whole, from the first on: all of them, or an error tells why the next one did not.
// The errors are those of PublishPacked; ErrFormat, ErrType, ErrTooLarge and ErrClosed are found before anything is sent. It
// does not keep items.
func (b *RawBroadcaster) PublishMany(items []Item) (sent int, err error) {
	return b.By(nil).PublishMany(items)
}

// PublishMany is RawBroadcaster.PublishMany.
func (p Publisher) PublishMany(items []Item) (sent int, err error) {
	b := p.broadcaster
	e := getEncoder()
	defer e.put()
	e.legacy, e.items = e.legacy[:0], e.items[:0]
	defer func() { clear(e.items) }()
	for i := range items {
		payload, err := b.check(e, items[i].Payload)
		if err != nil {
			return 0, which(err, i, len(items))
		}
		e.items = append(e.items, Item{items[i].Topic, payload})
	}
	return b.send(e.items, p.by)
}
