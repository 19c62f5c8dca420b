package mcl

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	conn := Connection{URL: "ff15::1:1"}
	l, err := NewRawListener(conn)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewRawBroadcaster(conn, "top")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for i := 0; i < 10; i++ {
		if err := b.Publish(map[string]any{"i": i, "s": "a string that is longer than thirty-two bytes"}); err != nil {
			t.Fatal(err)
		}
	}
	big := make([]byte, 60<<20)
	big[59<<20] = 7
	for i := 0; i < 10; i++ {
		r, err := l.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := r.Value()
		fmt.Println(string(r.Topic), v, r.When(), r.Sender)
	}
	if err := b.Publish(big); err != nil {
		t.Fatal(err)
	}
	r, err := l.Receive(ctx)
	fmt.Println(err)
	if r != nil {
		fmt.Println(len(r.Payload))
	}
	fmt.Printf("%+v\n%+v\n%+v\n", l.Stats(), b.Stats(), l.Settings())
	fmt.Println(l.Close(), l.Close(), b.Close(), b.Publish(1))
	s := l.Stats()
	fmt.Println(s.Unaccounted())
}
