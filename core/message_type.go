package mcl

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Keys that every message has besides its mandatory ones.
const (
	keyName      = "name"
	keyTimestamp = "timestamp"
)

// A Type is a type of message: a name, the keys that its messages must have, and the connection they travel on. It is
// immutable and may be used from any goroutine.
type Type struct {
	name      string
	mandatory []string
	index     map[string]int // of mandatory
	conn      Connection
}

// Name returns the type's name.
func (t *Type) Name() string { return t.name }

// Mandatory returns the keys that every message of the type has besides name and timestamp.
func (t *Type) Mandatory() []string { return slices.Clone(t.mandatory) }

// Connection returns where the type's messages travel.
func (t *Type) Connection() Connection { return t.conn }

var registry = struct {
	sync.RWMutex
	types map[string]*Type
}{types: make(map[string]*Type)}

// NewType makes a message type without registering it: neither its name nor its connection needs to be new. The errors are
// ErrInvalid and ErrAddress.
func NewType(name string, mandatory []string, conn Connection) (*Type, error) {
	const op = "define message type"
	invalid := func(detail, remedy string) error {
		return &OpError{Op: op, On: fmt.Sprintf("%q", name), Kind: ErrInvalid, Detail: detail, Remedy: remedy}
	}
	switch {
	case name == "":
		return nil, invalid("the name is empty", "give one")
	case name == "Message":
		return nil, invalid("the name is reserved", "choose another")
	case strings.ContainsRune(name, 0):
		return nil, invalid("the name contains NUL", "choose another")
	}
	for i, key := range mandatory {
		switch {
		case key == "" || key == "mandatory" || key == "connection" || strings.ContainsRune(key, 0):
			return nil, invalid(fmt.Sprintf("%q cannot be a mandatory key", key), "choose another")
		case slices.Contains(mandatory[:i], key):
			return nil, invalid(fmt.Sprintf("the key %q is given twice", key), "give it once")
		}
	}
	if _, err := conn.resolve(op); err != nil {
		return nil, err
	}
	t := &Type{name: name, mandatory: slices.Clone(mandatory), index: make(map[string]int), conn: conn}
	for i, key := range mandatory {
		t.index[key] = i
	}
	return t, nil
}

// Define makes a message type and registers it by its name, which must be new in this process, as must be the
// connection's address and port. The errors are ErrInvalid, ErrAddress and ErrExists.
func Define(name string, mandatory []string, conn Connection) (*Type, error) {
	t, err := NewType(name, mandatory, conn)
	if err != nil {
		return nil, err
	}
	exists := func(detail, remedy string) error {
		return &OpError{Op: "define message type", On: fmt.Sprintf("%q", name), Kind: ErrExists, Detail: detail,
			Remedy: remedy}
	}
	registry.Lock()
	defer registry.Unlock()
	if registry.types[name] != nil {
		return nil, exists("the name is taken", "choose another, or remove the old type first")
	}
	for _, other := range registry.types {
		if other.conn.same(conn) {
			return nil, exists(fmt.Sprintf("message type %q travels on %s already", other.name, conn),
				"give each type an address or port of its own")
		}
	}
	registry.types[name] = t
	return t, nil
}

// Lookup finds a type by its name. The error is ErrUnknown.
func Lookup(name string) (*Type, error) {
	registry.RLock()
	defer registry.RUnlock()
	if t := registry.types[name]; t != nil {
		return t, nil
	}
	return nil, unknownType("look up", name)
}

// Types returns all types, sorted by name.
func Types() []*Type {
	registry.RLock()
	defer registry.RUnlock()
	all := make([]*Type, 0, len(registry.types))
	for _, t := range registry.types {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *Type) int { return strings.Compare(a.name, b.name) })
	return all
}

// Remove forgets a type by its name. What is open on it goes on. The error is ErrUnknown.
func Remove(name string) error {
	registry.Lock()
	defer registry.Unlock()
	if registry.types[name] == nil {
		return unknownType("remove", name)
	}
	delete(registry.types, name)
	return nil
}

func unknownType(op, name string) error {
	return &OpError{Op: op + " message type", On: fmt.Sprintf("%q", name), Kind: ErrUnknown, Detail: "no type has this name",
		Remedy: "define it first"}
}

// New returns a message whose mandatory keys are all nil, named for its type and stamped with the time.
func (t *Type) New() *Message {
	m := &Message{typ: t}
	for _, key := range t.mandatory {
		if key != keyName && key != keyTimestamp {
			m.put(key, packedNil)
		}
	}
	m.addImplied()
	return m
}

// Decode returns the message in packed, one msgpack map, which is copied. Keys beyond the mandatory ones are kept; name
// and timestamp are added where missing. The error is ErrFormat, or ErrType when a mandatory key is missing or the name
// is another type's.
func (t *Type) Decode(packed []byte) (*Message, error) {
	m := &Message{typ: t}
	if err := m.index(slices.Clone(packed)); err != nil {
		return nil, err
	}
	m.addImplied()
	return m, nil
}

// From returns the message that a Go value stands for: a struct (fields are named by `msgpack:"key"` tags), or a map with
// string keys. The errors are those of Decode, and ErrType for a value that cannot be encoded.
func (t *Type) From(v any) (*Message, error) {
	if m, ok := v.(*Message); ok {
		return m, m.notNil("publish")
	}
	e := getEncoder()
	defer e.put()
	packed, err := e.encode(v)
	if err != nil {
		return nil, err
	}
	return t.Decode(packed)
}

func (m *Message) addImplied() {
	if m.find(keyName) == nil {
		m.put(keyName, appendString(nil, m.typ.name))
	}
	if m.find(keyTimestamp) == nil {
		m.Touch()
	}
}

// Touch sets the timestamp to now.
func (m *Message) Touch() {
	m.put(keyTimestamp, appendFloat(nil, float64(time.Now().UnixMicro())/1e6))
}
