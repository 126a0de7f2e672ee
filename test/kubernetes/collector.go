package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
)

// shipped is where the image has the files of config/.
const shipped = "/etc/otelcol-embedding/"

// sampleFields stand for what the kubelet gives.
var sampleFields = map[string]string{
	"spec.nodeName":      "gpu-node-1",
	"metadata.name":      "pod-0",
	"metadata.namespace": "observability",
	"status.podIP":       "192.0.2.7",
}

// collectors returns what is wrong with the configurations of collectors. Each is given to the real binary as the container would
// be started, and what it makes of it is compared with the container and with what else there is.
func (m *manifests) collectors(binary, root string) (faults, int) {
	var f faults
	n := 0
	for i := range m.workloads {
		w := &m.workloads[i]
		for _, c := range w.containers() {
			if isCollector(c) {
				n++
				if err := m.collector(&f, w, c, binary, root); err != nil {
					f.add("%s: %s: %v", w, c.Name, err)
				}
			}
		}
	}
	return f, n
}

func (m *manifests) collector(f *faults, w *workload, c *corev1.Container, binary, root string) error {
	env := m.environment(w, c)
	for name, value := range env {
		if strings.Contains(value, "$(") {
			f.add("%s: %s: %s is %s; a variable that it names has to stand before it", w, c.Name, name, value)
		}
	}
	folder, err := os.MkdirTemp("", "conf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	args, err := m.arguments(w, c, root, folder)
	if err != nil {
		return err
	}
	if _, err := runCollector(binary, env, append([]string{"validate"}, args...)); err != nil {
		return err
	}
	out, err := runCollector(binary, env, append([]string{"print-config"}, args...))
	if err != nil {
		return err
	}
	var config effective
	if err := yaml.Unmarshal(out, &config); err != nil {
		return err
	}
	config.ports(f, w, c)
	config.storage(f, w, c)
	if list, ok := env["GATEWAY_HOSTS"]; ok {
		m.gateways(f, w, list)
	}
	return nil
}

// environment returns the variables as the kubelet makes them.
func (m *manifests) environment(w *workload, c *corev1.Container) map[string]string {
	env := make(map[string]string)
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			if cm := m.configMap(w.namespace, from.ConfigMapRef.Name); cm != nil {
				maps.Copy(env, cm.Data)
			}
		}
	}
	reference := regexp.MustCompile(`\$\((\w+)\)`)
	for _, e := range c.Env {
		switch {
		case e.ValueFrom == nil:
			env[e.Name] = reference.ReplaceAllStringFunc(e.Value, func(s string) string {
				if value, ok := env[s[2:len(s)-1]]; ok {
					return value
				}
				return s
			})
		case e.ValueFrom.FieldRef != nil:
			env[e.Name] = sampleFields[e.ValueFrom.FieldRef.FieldPath]
		case e.ValueFrom.SecretKeyRef != nil:
			env[e.Name] = "secret"
		}
	}
	return env
}

// arguments returns the container's, with files that are on this host. Each file of a mounted ConfigMap has to be used.
func (m *manifests) arguments(w *workload, c *corev1.Container, root, folder string) ([]string, error) {
	unused := make(map[string]string) // data by path
	for _, mount := range c.VolumeMounts {
		i := slices.IndexFunc(w.template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name && v.ConfigMap != nil })
		if i < 0 {
			continue
		}
		if cm := m.configMap(w.namespace, w.template.Spec.Volumes[i].ConfigMap.Name); cm != nil {
			for key, data := range cm.Data {
				unused[mount.MountPath+"/"+key] = data
			}
		}
	}
	args := make([]string, 0, len(c.Args))
	for i, arg := range c.Args {
		file, ok := strings.CutPrefix(arg, "--config=/")
		if !ok {
			args = append(args, arg)
			continue
		}
		file = "/" + file
		if name, ok := strings.CutPrefix(file, shipped); ok {
			args = append(args, "--config="+filepath.Join(root, "config", name))
			continue
		}
		data, ok := unused[file]
		if !ok {
			return nil, fmt.Errorf("the argument %s names no file of a ConfigMap", arg)
		}
		delete(unused, file)
		path := filepath.Join(folder, strconv.Itoa(i)+".yaml")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--config="+path)
	}
	for file := range unused {
		return nil, fmt.Errorf("%s is mounted and no --config names it", file)
	}
	return args, nil
}

// runCollector runs the collector with nothing in its environment but env, and returns its standard output.
func runCollector(binary string, env map[string]string, args []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = []string{}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

// effective is what is looked at in the configuration that all files and variables make together.
type effective struct {
	Extensions map[string]struct {
		Endpoint  string `yaml:"endpoint"`
		Directory string `yaml:"directory"`
	} `yaml:"extensions"`
	Receivers map[string]struct {
		Tap       endpoint            `yaml:"tap"`
		Ingest    endpoint            `yaml:"ingest"`
		Protocols map[string]endpoint `yaml:"protocols"`
	} `yaml:"receivers"`
	Exporters map[string]endpoint `yaml:"exporters"`
	Service   struct {
		Telemetry struct {
			Metrics struct {
				Readers []struct {
					Pull struct {
						Exporter struct {
							Prometheus struct {
								Host string `yaml:"host"`
								Port int    `yaml:"port"`
							} `yaml:"prometheus"`
						} `yaml:"exporter"`
					} `yaml:"pull"`
				} `yaml:"readers"`
			} `yaml:"metrics"`
		} `yaml:"telemetry"`
		Pipelines map[string]struct {
			Receivers []string `yaml:"receivers"`
			Exporters []string `yaml:"exporters"`
		} `yaml:"pipelines"`
	} `yaml:"service"`
}

type endpoint struct {
	Endpoint string `yaml:"endpoint"`
}

// listening returns what the collector listens on, by the name that the container's port has to have.
func (e *effective) listening() map[string]string {
	addresses := map[string]string{"health": e.Extensions["health_check"].Endpoint}
	for _, reader := range e.Service.Telemetry.Metrics.Readers {
		p := reader.Pull.Exporter.Prometheus
		addresses["telemetry"] = net.JoinHostPort(p.Host, strconv.Itoa(p.Port))
	}
	for _, pipeline := range e.Service.Pipelines {
		for _, id := range pipeline.Receivers {
			r := e.Receivers[id]
			switch id {
			case "embedding":
				addresses["tap"], addresses["ingest"] = r.Tap.Endpoint, r.Ingest.Endpoint
			case "otlp":
				addresses["otlp-grpc"], addresses["otlp-http"] = r.Protocols["grpc"].Endpoint, r.Protocols["http"].Endpoint
			}
		}
		if slices.Contains(pipeline.Exporters, "prometheus") {
			addresses["metrics"] = e.Exporters["prometheus"].Endpoint
		}
	}
	return addresses
}

// ports compares what the collector listens on with the container's ports.
func (e *effective) ports(f *faults, w *workload, c *corev1.Container) {
	listening := e.listening()
	for _, p := range c.Ports {
		address, ok := listening[p.Name]
		if want := fmt.Sprintf("0.0.0.0:%d", p.ContainerPort); !ok || address != want {
			f.add("%s: %s: the port %s is %d, and the collector listens on %q", w, c.Name, p.Name, p.ContainerPort, address)
		}
		delete(listening, p.Name)
	}
	for name, address := range listening {
		if host, _, err := net.SplitHostPort(address); err != nil || host != "localhost" {
			f.add("%s: %s: the collector listens on %s for %s, which is no port of the container", w, c.Name, address, name)
		}
	}
}

// storage checks that the storage, if there is one, is a volume that can be written to.
func (e *effective) storage(f *faults, w *workload, c *corev1.Container) {
	storage, ok := e.Extensions["file_storage"]
	if !ok {
		return
	}
	directory := storage.Directory
	if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == directory && !m.ReadOnly }) {
		f.add("%s: %s: the storage %q is no volume that can be written to", w, c.Name, directory)
	}
}

// gateways checks that what sends has each replica of the gateway in its list, by the name that the headless Service gives it.
func (m *manifests) gateways(f *faults, w *workload, list string) {
	i := slices.IndexFunc(m.workloads, func(w workload) bool {
		return w.kind == "StatefulSet" && w.template.Labels["app.kubernetes.io/component"] == "gateway"
	})
	if i < 0 {
		return // in another build
	}
	gateway := &m.workloads[i]
	var hosts, short, long []string
	for n := range gateway.replicas {
		host := fmt.Sprintf("%s-%d.%s", gateway.name, n, gateway.service)
		short = append(short, host+":4317")
		long = append(long, host+"."+gateway.namespace+":4317")
	}
	err := yaml.Unmarshal([]byte(list), &hosts)
	if err != nil || !slices.Equal(hosts, long) && (w.namespace != gateway.namespace || !slices.Equal(hosts, short)) {
		f.add("%s: GATEWAY_HOSTS is %s; want %v", w, list, long)
	}
}
