module libmcl

go 1.24.0

require (
	github.com/mattn/go-pointer v0.0.1
	github.com/vmihailenco/msgpack/v5 v5.4.1
	golang.org/x/net v0.47.0
	golang.org/x/sys v0.38.0
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
