// go run ./core/examples/subscriber     (and, in another terminal: go run ./core/examples/publisher)
package main

import (
	"context"
	"fmt"
	"log"

	mcl "libmcl/core"
)

func main() {
	l, err := mcl.NewQueuedListener(mcl.Connection{URL: "ff15::1"}, "pose")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	for {
		r, err := l.Receive(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		pose, _ := r.Value()
		fmt.Println(r.When().Format("15:04:05.000000"), pose)
	}
}
