// go run ./core/examples/publisher      (and, in another terminal: go run ./core/examples/subscriber)
package main

import (
	"log"
	"time"

	mcl "libmcl/core"
)

func main() {
	b, err := mcl.NewRawBroadcaster(mcl.Connection{URL: "ff15::1"}, "pose")
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	for x := range 10 {
		if err := b.Publish(map[string]any{"x": x, "y": 0.5}); err != nil {
			log.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
