// Command go is the peer in Go: see ../README.md for what it reads and writes.
//
//	go publish|listen ADDRESS TYPED_ADDRESS PORT
package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"math"
	"os"
	"strconv"
	"strings"

	mcl "libmcl/core"
)

const shown = 5000 // bytes: larger raw payloads are shown by their size and checksum only

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: go publish|listen ADDRESS TYPED_ADDRESS PORT")
	}
	port, err := strconv.Atoi(os.Args[4])
	must(err)
	conn := mcl.Connection{URL: os.Args[2], Port: port}
	pose, err := mcl.Define("Pose", []string{"x", "y"}, mcl.Connection{URL: os.Args[3], Port: port})
	must(err)
	if os.Args[1] == "publish" {
		publish(conn, pose)
	} else {
		listen(conn, pose)
	}
}

func listen(conn mcl.Connection, pose *mcl.Type) {
	show := func(name string) func(*mcl.Received) {
		return func(r *mcl.Received) {
			topic, payload := "-", "*"
			if r.HasTopic {
				topic = "=" + hex.EncodeToString(r.Topic)
			}
			if name == "typed" || len(r.Payload) <= shown {
				payload = hex.EncodeToString(r.Payload)
			}
			// One write a line: two listeners are at it.
			fmt.Printf("%s %s %d %08x %s\n", name, topic, len(r.Payload), crc32.ChecksumIEEE(r.Payload), payload)
		}
	}
	raw, err := mcl.NewRawListener(conn)
	must(err)
	typed, err := mcl.Listen(mcl.Connection{}, mcl.ListenerOptions{Type: pose, Queued: true, OnError: func(error) {}})
	must(err)
	_, err = raw.Subscribe(show("raw"))
	must(err)
	_, err = typed.Subscribe(show("typed"))
	must(err)
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
}

func publish(conn mcl.Connection, pose *mcl.Type) {
	raw, err := mcl.NewRawBroadcaster(conn)
	must(err)
	typed, err := mcl.NewMessageBroadcaster(pose)
	must(err)
	misfits, err := mcl.NewRawBroadcaster(pose.Connection())
	must(err)
	requests := bufio.NewReader(os.Stdin)
	for {
		line, err := requests.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if err := request(raw, typed, misfits, pose, words); err != nil {
			fmt.Println("failed", err)
		} else {
			fmt.Println("sent")
		}
	}
}

// request does one: publish TOPIC KIND VALUE.
func request(raw *mcl.RawBroadcaster, typed *mcl.MessageBroadcaster, misfits *mcl.RawBroadcaster, pose *mcl.Type,
	words []string) error {
	if len(words) != 4 {
		return errors.New("a request has four words")
	}
	var topic *string
	if encoded, ok := strings.CutPrefix(words[1], "="); ok {
		decoded, err := hex.DecodeString(encoded)
		if err != nil {
			return err
		}
		text := string(decoded)
		topic = &text
	}
	switch kind, word := words[2], words[3]; kind {
	case "packed", "message", "misfit":
		packed, err := hex.DecodeString(word)
		if err != nil {
			return err
		}
		switch kind {
		case "packed":
			return raw.PublishPacked(topic, packed)
		case "misfit":
			return misfits.PublishPacked(topic, packed)
		}
		m, err := pose.Decode(packed)
		if err != nil {
			return err
		}
		return typed.PublishTopic(topic, m)
	default:
		v, err := value(kind, word)
		if err != nil {
			return err
		}
		return raw.PublishTopic(topic, v)
	}
}

func value(kind, word string) (any, error) {
	switch kind {
	case "nil":
		return nil, nil
	case "bool":
		return strconv.ParseBool(word)
	case "int":
		return strconv.ParseInt(word, 10, 64)
	case "uint":
		return strconv.ParseUint(word, 10, 64)
	case "double":
		bits, err := strconv.ParseUint(word, 16, 64)
		return math.Float64frombits(bits), err
	case "string":
		b, err := hex.DecodeString(word)
		return string(b), err
	case "bytes":
		return hex.DecodeString(word)
	case "pattern":
		size, err := strconv.Atoi(word)
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(7*i + i/251)
		}
		return string(b), err
	}
	return nil, fmt.Errorf("unknown kind %q", kind)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
