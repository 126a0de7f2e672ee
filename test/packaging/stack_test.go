package packaging

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// container is a service of the compose file as a process in a changed root.
type container struct {
	*rootfs
	user string
	env  []string
	argv []string
}

// newContainer makes the root of a service: our images as the Dockerfile says, Debian's programs for others.
func newContainer(t testing.TB, service types.ServiceConfig) *container {
	t.Helper()
	environment := map[string]string{}
	for key, value := range service.Environment {
		environment[key] = *value
	}
	c := &container{}
	switch {
	case service.Build != nil:
		target := service.Build.Target
		if target == "" {
			target = collectorStage
		}
		i := newImage(t, target)
		c.rootfs, c.user, c.env = i.rootfs, i.user, i.environment(environment)
		c.argv = append(i.entrypoint, service.Command...)
	case service.Name == "prometheus", service.Name == "alertmanager":
		program := map[string]string{"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}[service.Name]
		file, err := exec.LookPath(program)
		require.NoError(t, err, "apt-get install %s", program)
		c.rootfs, c.user, c.env = newRootfs(t, "/"), "65534:65534", []string{"PATH=/usr/bin:/bin"}
		c.argv = append([]string{file}, service.Command...)
	default:
		require.FailNow(t, "no program for the service", service.Name)
	}
	for _, volume := range service.Volumes {
		source := volume.Source
		if volume.Type == types.VolumeTypeVolume {
			source = t.TempDir()
			out, err := exec.Command("chown", c.user, source).CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		c.mount(volume.Target, source)
	}
	c.mountSystem()
	return c
}

// network is a bridge with a network namespace for each container, as an engine makes one. The test itself is on it.
type network struct {
	t     testing.TB
	hosts map[string]string
}

func newNetwork(t testing.TB) *network {
	t.Helper()
	n := &network{t: t, hosts: map[string]string{"localhost": "127.0.0.1"}}
	n.ip("link", "add", "compose", "type", "bridge")
	n.ip("address", "add", "10.89.7.1/24", "dev", "compose")
	n.ip("link", "set", "compose", "up")
	t.Cleanup(func() { n.ip("link", "delete", "compose") })
	return n
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(n.t, err, "ip %s: %s", strings.Join(args, " "), out)
}

// join gives a container its namespace and address, under all of its names.
func (n *network) join(name string, names []string) {
	n.t.Helper()
	address := n.address(names)
	number := len(n.hosts)
	outside, inside := fmt.Sprintf("out%d", number), fmt.Sprintf("in%d", number)
	n.ip("netns", "add", name)
	n.t.Cleanup(func() { n.ip("netns", "delete", name) })
	n.ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
	n.ip("link", "set", outside, "master", "compose", "up")
	n.ip("-n", name, "address", "add", address+"/24", "dev", inside)
	n.ip("-n", name, "link", "set", inside, "up")
	n.ip("-n", name, "link", "set", "lo", "up")
}

// here gives the test the address of a service that it answers for itself.
func (n *network) here(name string) string {
	n.t.Helper()
	address := n.address([]string{name})
	n.ip("address", "add", address+"/24", "dev", "compose")
	return address
}

func (n *network) address(names []string) string {
	address := fmt.Sprintf("10.89.7.%d", 10+len(n.hosts))
	for _, name := range names {
		n.hosts[name] = address
	}
	return address
}

// resolve makes the names known, here and in every root that is made after it.
func (n *network) resolve() {
	n.t.Helper()
	var lines strings.Builder
	for name, address := range n.hosts {
		fmt.Fprintln(&lines, address, name)
	}
	file := filepath.Join(n.t.TempDir(), "hosts")
	require.NoError(n.t, os.WriteFile(file, []byte(lines.String()), 0o644))
	out, err := exec.Command("mount", "--bind", file, "/etc/hosts").CombinedOutput()
	require.NoError(n.t, err, "%s", out)
	n.t.Cleanup(func() { _ = exec.Command("umount", "--lazy", "/etc/hosts").Run() })
}

// backend stands for Loki and Tempo: it takes what they take and notes the paths. Anything else is 404, as theirs is.
type backend struct {
	mu    sync.Mutex
	calls map[string]int
}

func startBackend(t testing.TB, address, path string) *backend {
	t.Helper()
	b := &backend{calls: map[string]int{}}
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.calls[r.URL.Path]++
		b.mu.Unlock()
		if r.URL.Path != path {
			http.NotFound(w, r)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return b
}

func (b *backend) paths() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	paths := map[string]int{}
	for path, n := range b.calls {
		paths[path] = n
	}
	return paths
}

// TestComposeRuns runs the demo profile: every service whose program there is in the network that Compose would make,
// by its names, commands, environment and files. Loki and Tempo are stood in for, Grafana is not run.
func TestComposeRuns(t *testing.T) {
	project := compose(t, "demo")
	n := newNetwork(t)
	loki := startBackend(t, n.here("loki")+":3100", "/otlp/v1/logs")
	tempo := startBackend(t, n.here("tempo")+":4318", "/v1/traces")
	started := []string{"demo", "alertmanager", "prometheus", "collector-demo", "load"}
	for _, name := range started {
		n.join(name, append(hosts(project.Services[name]), name))
	}
	n.resolve()
	processes := map[string]*collector.Process{}
	for _, name := range started {
		c := newContainer(t, project.Services[name])
		if project.Services[name].ReadOnly {
			c.seal()
		}
		processes[name] = c.start(name, c.user, c.env, c.argv...)
	}
	processes["collector-demo"].WaitHTTP("http://collector:13133")
	processes["alertmanager"].WaitHTTP("http://alertmanager:9093/-/ready")
	processes["prometheus"].WaitHTTP("http://prometheus:9090/-/ready")

	// The health checks that use a program of this host.
	for _, name := range []string{"prometheus", "alertmanager"} {
		check := project.Services[name].HealthCheck.Test
		require.Equal(t, "CMD", check[0])
		healthy := collector.Start(t, "ip", nil, append([]string{"netns", "exec", name}, check[1:]...)...)
		require.NoError(t, healthy.Wait(), "%s: %s", name, healthy.Output())
	}

	waitQuery(t, `count(up{job="otelcol-embedding", exported_job=""} == 1)`, 2) // both ports of the collector
	waitQuery(t, `count(up{exported_job="vllm"} == 1)`, 1)                      // and what it scrapes
	waitQuery(t, `clamp_max(sum(embedding_requests_total), 1)`, 1)              // the load goes through the tap
	waitQuery(t, `count(embedding_canary_ok)`, 1)                               // the canary asks the server
	var alertmanagers struct {
		Data struct{ ActiveAlertmanagers []any }
	}
	get(t, "http://prometheus:9090/api/v1/alertmanagers", &alertmanagers)
	assert.Len(t, alertmanagers.Data.ActiveAlertmanagers, 1)
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	get(t, "http://prometheus:9090/api/v1/rules", &rules)
	count := 0
	for _, group := range rules.Data.Groups {
		for _, rule := range group.Rules {
			assert.NotEqual(t, "err", rule.Health, "%s: %s", rule.Name, rule.LastError)
			count++
		}
	}
	assert.Greater(t, count, 50, "the rules are mounted")

	assert.Eventually(t, func() bool { return loki.paths()["/otlp/v1/logs"] > 0 && tempo.paths()["/v1/traces"] > 0 },
		time.Minute, time.Second, "logs reach Loki, and traces Tempo")
	assert.Len(t, loki.paths(), 1, "nothing else is sent there")
	assert.Len(t, tempo.paths(), 1, "nothing else is sent there: %v", tempo.paths())
	for _, name := range started {
		assert.NotContains(t, processes[name].Output(), "panic", name)
	}
	require.NoError(t, processes["collector-demo"].Stop())
}

// waitQuery waits until a query of one series has the value.
func waitQuery(t testing.TB, query string, want float64) {
	t.Helper()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	deadline := time.Now().Add(time.Minute)
	for {
		get(t, "http://prometheus:9090/api/v1/query?query="+url.QueryEscape(query), &answer)
		if len(answer.Data.Result) == 1 && answer.Data.Result[0].Value[1] == fmt.Sprint(want) {
			return
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "not in time", "%s is %v", query, answer.Data.Result)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func get(t testing.TB, address string, into any) {
	t.Helper()
	resp, err := http.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, address)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}
