package mcl_test

import (
	"fmt"
	"log"

	mcl "libmcl/core"
)

// A publisher and a subscriber, here in one program.
func Example() {
	conn := mcl.Connection{URL: "ff15::e0", Port: 26001}

	l, err := mcl.NewRawListener(conn)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	l.Subscribe(func(r *mcl.Received) {
		v, _ := r.Value()
		fmt.Printf("%s: %v\n", r.Topic, v)
		close(done)
	})

	b, err := mcl.NewRawBroadcaster(conn, "greeting")
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	if err := b.Publish("hello world"); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output: greeting: hello world
}

// A Go struct travels as a message of a type.
func ExampleDefine() {
	type Imu struct {
		Gyro [3]float64 `msgpack:"gyro"`
	}
	imu, err := mcl.Define("Imu", []string{"gyro"}, mcl.Connection{URL: "ff15::e1", Port: 26001})
	if err != nil {
		log.Fatal(err)
	}
	l, err := mcl.NewQueuedListener(imu)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	l.Subscribe(func(r *mcl.Received) {
		var got Imu
		if err := r.Decode(&got); err != nil {
			log.Fatal(err)
		}
		name, _ := r.Message().Text("name")
		fmt.Printf("%s %v\n", name, got.Gyro)
		close(done)
	})
	b, err := mcl.NewMessageBroadcaster(imu)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	if err := b.Publish(Imu{Gyro: [3]float64{0.1, 0, -0.1}}); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output: Imu [0.1 0 -0.1]
}
