package kubernetes

import (
	"math"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// image is the collector's.
const image = "ghcr.io/otelcol-embedding/otelcol-embedding"

// isCollector tells whether a container runs the collector.
func isCollector(c *corev1.Container) bool { return strings.HasPrefix(c.Image, image+":") }

// hardening returns what the pods of collectors lack beyond the Pod Security Standards. root names the components that may run as
// the user 0.
func (m *manifests) hardening(version string, root map[string]bool) faults {
	var f faults
	for i := range m.workloads {
		w := &m.workloads[i]
		spec := &w.template.Spec
		for _, c := range w.containers() {
			if !isCollector(c) {
				continue
			}
			if c.Image != image+":"+version {
				f.add("%s: the image is %s; want the version %s", w, c.Image, version)
			}
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				f.add("%s: has a token for the API server, which nothing here asks", w)
			}
			if spec.HostNetwork || spec.HostPID || spec.HostIPC {
				f.add("%s: is in a namespace of the host", w)
			}
			containerHardening(&f, w, c, root)
			memory(&f, w, c)
		}
	}
	return f
}

func containerHardening(f *faults, w *workload, c *corev1.Container, root map[string]bool) {
	s := c.SecurityContext
	if s == nil {
		f.add("%s: %s has no securityContext", w, c.Name)
		return
	}
	if s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
		f.add("%s: %s can write to its root file system", w, c.Name)
	}
	if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
		f.add("%s: %s can gain privileges", w, c.Name)
	}
	if s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) > 0 {
		f.add("%s: %s keeps capabilities", w, c.Name)
	}
	user, nonRoot := s.RunAsUser, s.RunAsNonRoot
	if p := w.template.Spec.SecurityContext; p != nil {
		if user == nil {
			user = p.RunAsUser
		}
		if nonRoot == nil {
			nonRoot = p.RunAsNonRoot
		}
	}
	want := int64(10001)
	if root[w.template.Labels["app.kubernetes.io/component"]] {
		want = 0
	}
	if user == nil || *user != want || nonRoot == nil || *nonRoot != (want != 0) {
		f.add("%s: %s does not run as the user %d", w, c.Name, want)
	}
}

// memory checks that there is a limit, and that Go's is four fifths of it. A limit of CPU makes calls wait that pass through the tap.
func memory(f *faults, w *workload, c *corev1.Container) {
	if _, ok := c.Resources.Limits[corev1.ResourceCPU]; ok {
		f.add("%s: %s is throttled by a limit of CPU", w, c.Name)
	}
	if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
		f.add("%s: %s requests no CPU or no memory", w, c.Name)
	}
	for _, e := range c.Env {
		if e.Name != "GOMEMLIMIT" {
			continue
		}
		soft, err := resource.ParseQuantity(strings.TrimSuffix(e.Value, "B"))
		limit := c.Resources.Limits.Memory()
		if err != nil || limit.IsZero() || math.Abs(soft.AsApproximateFloat64()/limit.AsApproximateFloat64()-0.8) > 0.01 {
			f.add("%s: %s: GOMEMLIMIT is %s; want four fifths of the limit %s", w, c.Name, e.Value, limit)
		}
		return
	}
	f.add("%s: %s has no GOMEMLIMIT", w, c.Name)
}

var podSecurity = func() policy.Evaluator {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		panic(err)
	}
	return evaluator
}()

// podSecurity returns why pods of collectors are not admitted where the Pod Security Standard "restricted" is enforced, by component.
func (m *manifests) podSecurity() map[string][]string {
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	reasons := make(map[string][]string)
	for i := range m.workloads {
		w := &m.workloads[i]
		if w.template.Labels["app.kubernetes.io/name"] != "otelcol-embedding" {
			continue
		}
		component := w.template.Labels["app.kubernetes.io/component"]
		reasons[component] = nil
		for _, r := range podSecurity.EvaluatePod(level, &w.template.ObjectMeta, &w.template.Spec) {
			if !r.Allowed {
				reasons[component] = append(reasons[component], r.ForbiddenReason)
			}
		}
	}
	return reasons
}
