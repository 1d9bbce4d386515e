// A filter in Go without any SDK, for the test that runs one module in process and in stock Envoy.
// It shows that Go's own runtime works in both, with its garbage collector and what it asks of
// WASI.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

const (
	requestHeaders  = 0
	responseHeaders = 2
	configuration   = 7
	warn            = 3
)

//go:wasmimport env proxy_log
func proxyLog(level uint32, at unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBuffer(buffer, start, length uint32, at, size unsafe.Pointer) uint32

//go:wasmimport env proxy_get_header_map_value
func proxyGetHeader(of uint32, name unsafe.Pointer, nameSize uint32, at, size unsafe.Pointer) uint32

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeader(of uint32, name unsafe.Pointer, nameSize uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_define_metric
func proxyDefineMetric(kind uint32, name unsafe.Pointer, size uint32, id unsafe.Pointer) uint32

//go:wasmimport env proxy_increment_metric
func proxyIncrementMetric(id uint32, by int64) uint32

//go:wasmimport env proxy_send_local_response
func proxyReply(status uint32, details unsafe.Pointer, detailsSize uint32, body unsafe.Pointer, bodySize uint32,
	headers unsafe.Pointer, headersSize uint32, grpc int32) uint32

// Memory that the host was given to write into, until it has been read.
var lent = map[unsafe.Pointer][]byte{}

var mark string
var requests uint32
var kept [][]byte

func main() {}

func at(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

func say(format string, values ...any) {
	text, size := at("go> " + fmt.Sprintf(format, values...))
	proxyLog(warn, text, size)
}

// Takes what the host wrote into such memory.
func taken(from unsafe.Pointer, size uint32) string {
	bytes := lent[from]
	delete(lent, from)
	return string(bytes[:size])
}

func header(of uint32, name string) string {
	var from unsafe.Pointer
	var size uint32
	text, length := at(name)
	if proxyGetHeader(of, text, length, unsafe.Pointer(&from), unsafe.Pointer(&size)) != 0 || size == 0 {
		return ""
	}
	return taken(from, size)
}

func addHeader(of uint32, name, value string) {
	text, size := at(name)
	with, length := at(value)
	proxyAddHeader(of, text, size, with, length)
}

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) unsafe.Pointer {
	bytes := make([]byte, size)
	from := unsafe.Pointer(unsafe.SliceData(bytes))
	lent[from] = bytes
	return from
}

//go:wasmexport proxy_on_context_create
func create(id, parent uint32) {}

//go:wasmexport proxy_on_configure
func configure(id, size uint32) uint32 {
	var from unsafe.Pointer
	var length uint32
	proxyGetBuffer(configuration, 0, size, unsafe.Pointer(&from), unsafe.Pointer(&length))
	if length == 0 {
		fmt.Fprintln(os.Stderr, "go> no configuration")
		return 0
	}
	mark = strings.Trim(taken(from, length), `"`)
	name, nameSize := at("go_requests")
	proxyDefineMetric(0, name, nameSize, unsafe.Pointer(&requests))
	fmt.Println("go> configured:", mark)
	return 1
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(id, count, endOfStream uint32) uint32 {
	proxyIncrementMetric(requests, 1)
	command := header(requestHeaders, "x-do")
	say("%s end %d", command, endOfStream)
	switch command {
	case "reply":
		body, size := at("refused by go")
		proxyReply(403, nil, 0, body, size, nil, 0, -1)
		return 1
	case "garbage":
		for i := range 200 {
			kept = append(kept[max(0, len(kept)-10):], make([]byte, 100_000+i))
		}
		runtime.GC()
		say("kept %d", len(kept))
	case "time":
		say("%t %t", time.Now().Year() > 2020, len(os.Args) == 0 && len(os.Environ()) == 0)
	case "panic":
		var none map[string]int
		none["x"] = 1
	}
	addHeader(requestHeaders, "x-in-go", mark)
	return 0
}

//go:wasmexport proxy_on_response_headers
func onResponseHeaders(id, count, endOfStream uint32) uint32 {
	addHeader(responseHeaders, "x-out-mark", mark)
	return 0
}
