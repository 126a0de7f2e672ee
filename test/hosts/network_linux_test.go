//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// network is a bridge with the tests at one port, and hosts at the others.
type network struct {
	t     *testing.T
	names map[string]string // address by name
	hosts int
}

// own is where the tests are: clients, backends and Prometheus.
const own = "10.231.0.1"

// newNetwork returns a network without hosts, which is taken away at the end of the test.
func newNetwork(t *testing.T) *network {
	n := &network{t: t, names: map[string]string{"localhost": "127.0.0.1"}}
	n.ip("link", "set", "lo", "up")
	n.ip("link", "add", "bridge0", "type", "bridge")
	t.Cleanup(func() { n.ip("link", "del", "bridge0") })
	n.ip("addr", "add", own+"/24", "dev", "bridge0")
	n.ip("link", "set", "bridge0", "up")
	n.writeNames()
	return n
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(n.t, err, "ip %s: %s", strings.Join(args, " "), out)
}

// host is a network namespace with an address, joined to the network.
type host struct {
	network       *network
	name, address string
	port          string // the bridge's end of the cable
}

// newHost adds a host.
func (n *network) newHost(name string) *host {
	n.t.Helper()
	n.hosts++
	h := &host{network: n, name: name, address: fmt.Sprintf("10.231.0.%d", 1+n.hosts), port: fmt.Sprint("port", n.hosts)}
	n.ip("netns", "add", name)
	n.t.Cleanup(func() { n.ip("netns", "del", name) })
	n.ip("link", "add", h.port, "type", "veth", "peer", "name", "eth0", "netns", name)
	n.t.Cleanup(func() { n.ip("link", "del", h.port) }) // at once; with the namespace it goes some time later
	n.ip("link", "set", h.port, "master", "bridge0", "up")
	n.ip("-n", name, "addr", "add", h.address+"/24", "dev", "eth0")
	n.ip("-n", name, "link", "set", "lo", "up")
	n.ip("-n", name, "link", "set", "eth0", "up")
	n.names[name] = h.address
	n.writeNames()
	return h
}

// unplug takes the cable out: packets are lost, and nobody is told.
func (h *host) unplug() { h.network.ip("link", "set", h.port, "down") }

func (h *host) plug() { h.network.ip("link", "set", h.port, "up") }

// start starts a program on the host.
func (h *host) start(program string, env []string, args ...string) *collector.Process {
	h.network.t.Helper()
	return collector.Start(h.network.t, "nsenter", env, append([]string{"--net=/run/netns/" + h.name, "--", program}, args...)...)
}

// writeNames lets all hosts know all by their names.
func (n *network) writeNames() {
	n.t.Helper()
	var b strings.Builder
	for name, address := range n.names {
		fmt.Fprintln(&b, address, name)
	}
	require.NoError(n.t, os.WriteFile("/etc/hosts", []byte(b.String()), 0o644)) // in place: the file is bound there
}
