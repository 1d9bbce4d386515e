// istiod-lite is Istio's control plane without Kubernetes, for tests. Istio's own generators and
// validation make of a folder's resources what istiod would send, and serve it over plain gRPC.
// It stands on the harness that Istio's module has for its own tests.
//
//	istiod-lite -config FOLDER -address 127.0.0.1:15010
//
// Each line of its own output is a JSON object with the key "event".
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
)

// look is how often the folder is read. debounce is istiod's own, by which a group of changes
// reaches the proxies as one.
const (
	look     = 50 * time.Millisecond
	debounce = 100 * time.Millisecond
)

type event struct {
	Event string `json:"event"`
	// Digest is that of the folder's content. See digest in resources.go.
	Digest string `json:"digest,omitempty"`
	// Resource is what a message is about: a resource, or a document of a file.
	Resource string `json:"resource,omitempty"`
	Message  string `json:"message,omitempty"`
}

func tell(e event) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func main() {
	folder := flag.String("config", "", "the folder with resources, *.yaml")
	address := flag.String("address", "127.0.0.1:15010", "where proxies ask")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	watch(serve(listener), *folder)
}

func serve(listener net.Listener) *xds.FakeDiscoveryServer {
	config := mesh.DefaultMeshConfig()
	// Metrics by istio.stats, which only Istio's own Envoy has.
	config.DefaultProviders = nil
	return xds.NewFakeDiscoveryServer(ender{}, xds.FakeOptions{
		MeshConfig:      config,
		DebounceTime:    debounce,
		ListenerBuilder: func() (net.Listener, error) { return listener, nil },
	})
}

// watch applies the folder's content, now and after each change, until the process ends.
func watch(server *xds.FakeDiscoveryServer, folder string) {
	applied, current := resources{}, ""
	for ; ; time.Sleep(look) {
		files, err := readFolder(folder)
		if err != nil {
			tell(event{Event: "failed", Message: err.Error()})
			continue
		}
		if digest(files) == current {
			continue
		}
		wanted := parse(files)
		apply(server.Store(), applied, wanted)
		applied, current = wanted, digest(files)
		tell(event{Event: "applied", Digest: current})
	}
}
