package mcl_test

import (
	"context"
	"fmt"
	"log"
	"os"

	mcl "libmcl/core"
)

// What is recorded is replayed, here as fast as possible.
func ExampleRecordNetwork() {
	root, err := os.MkdirTemp("", "recordings")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	pose, err := mcl.Define("Pose", []string{"x"}, mcl.Connection{URL: "ff15::e4", Port: 26001})
	if err != nil {
		log.Fatal(err)
	}
	recorder, err := mcl.RecordNetwork(root, []*mcl.Type{pose}, mcl.RecordOptions{})
	if err != nil {
		log.Fatal(err)
	}
	b, err := mcl.NewMessageBroadcaster(pose)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	for x := range 3 {
		if err := b.Publish(map[string]any{"x": x}); err != nil {
			log.Fatal(err)
		}
	}
	if err := recorder.Close(); err != nil { // takes what has arrived
		log.Fatal(err)
	}

	l, err := mcl.NewMessageListener(pose)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	logs, err := mcl.OpenLogDirectory(recorder.Directory(), mcl.LogReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer logs.Close()
	replay, err := mcl.NewReplay(logs, 0, mcl.ReplayOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer replay.Close()
	if _, err := replay.Start(); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		r, err := l.Receive(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		x, _ := r.Message().Int("x")
		fmt.Println("x =", x)
	}
	// Output:
	// x = 0
	// x = 1
	// x = 2
}
