package mcl_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

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

// A log is written, and read without its first second.
func ExampleOpenLog() {
	folder, err := os.MkdirTemp("", "logs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	prefix := filepath.Join(folder, "speed")

	origin := time.Date(2016, 5, 12, 0, 20, 7, 0, time.UTC)
	w, err := mcl.CreateLog(prefix, mcl.LogOptions{Origin: origin})
	if err != nil {
		log.Fatal(err)
	}
	for i := range 4 {
		packed := []byte{byte(10 * i)} // a small integer is its own msgpack
		if err := w.Write("wheel", packed, origin.Add(time.Duration(i)*time.Second)); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	from := time.Second
	r, err := mcl.OpenLog(prefix, mcl.LogReadOptions{MinTime: &from})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Println("recorded", r.Header().Created)
	for {
		e, err := r.Next()
		switch {
		case err == io.EOF:
			return
		case errors.Is(err, mcl.ErrFormat):
			log.Print(err) // a line that is no entry; reading goes on after it
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("%v %s: %x\n", e.Elapsed, e.Topic, e.Payload)
		}
	}
	// Output:
	// recorded 2016-05-12 00:20:07 +0000 UTC
	// 1s wheel: 0a
	// 2s wheel: 14
	// 3s wheel: 1e
}
