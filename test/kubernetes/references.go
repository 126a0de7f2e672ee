package kubernetes

import (
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// faults collects what is wrong.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// references returns what refers to something that is not there. secrets are those that users make, by name and key.
func (m *manifests) references(secrets map[string]string) faults {
	var f faults
	for i := range m.workloads {
		m.workloadReferences(&f, &m.workloads[i], secrets)
	}
	for _, s := range m.services {
		m.serviceReferences(&f, s)
	}
	for _, b := range m.budgets {
		if len(m.selected(b.Namespace, b.Spec.Selector)) != 1 {
			f.add("PodDisruptionBudget/%s: selects not exactly one workload", b.Name)
		}
	}
	for _, a := range m.autoscalers {
		m.autoscalerReferences(&f, a)
	}
	m.monitorReferences(&f)
	m.policyReferences(&f)
	return f
}

func (m *manifests) workloadReferences(f *faults, w *workload, secrets map[string]string) {
	selector, err := metav1.LabelSelectorAsSelector(w.selector)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(w.template.Labels)) {
		f.add("%s: the selector %v does not match its pods %v", w, selector, w.template.Labels)
	}
	spec := &w.template.Spec
	if spec.ServiceAccountName != "" && !slices.ContainsFunc(m.serviceAccounts, func(a *corev1.ServiceAccount) bool {
		return a.Name == spec.ServiceAccountName && a.Namespace == w.namespace
	}) {
		f.add("%s: there is no ServiceAccount %q", w, spec.ServiceAccountName)
	}
	if w.kind == "StatefulSet" {
		if s := m.service(w.namespace, w.service); s == nil || s.Spec.ClusterIP != corev1.ClusterIPNone {
			f.add("%s: there is no headless Service %q", w, w.service)
		}
	}
	unused := make(map[string]bool)
	for _, v := range spec.Volumes {
		unused[v.Name] = true
		if v.ConfigMap != nil && m.configMap(w.namespace, v.ConfigMap.Name) == nil {
			f.add("%s: volume %s: there is no ConfigMap %q", w, v.Name, v.ConfigMap.Name)
		}
	}
	for _, c := range w.claims {
		unused[c.Name] = true
	}
	volumes := len(unused)
	if volumes != len(spec.Volumes)+len(w.claims) {
		f.add("%s: two volumes have one name", w)
	}
	known := make(map[string]bool, volumes)
	for name := range unused {
		known[name] = true
	}
	for _, c := range w.containers() {
		for _, mount := range c.VolumeMounts {
			if !known[mount.Name] {
				f.add("%s: %s mounts %q, which is no volume", w, c.Name, mount.Name)
			}
			delete(unused, mount.Name)
		}
		m.environmentReferences(f, w, c, secrets)
		for _, probe := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if probe != nil && probe.HTTPGet != nil && !listens([]*corev1.Container{c}, probe.HTTPGet.Port) {
				f.add("%s: %s has no port %v, which a probe asks", w, c.Name, probe.HTTPGet.Port.String())
			}
		}
	}
	for name := range unused {
		f.add("%s: the volume %q is mounted nowhere", w, name)
	}
}

func (m *manifests) environmentReferences(f *faults, w *workload, c *corev1.Container, secrets map[string]string) {
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil && m.configMap(w.namespace, from.ConfigMapRef.Name) == nil {
			f.add("%s: %s: there is no ConfigMap %q", w, c.Name, from.ConfigMapRef.Name)
		}
	}
	names := make(map[string]bool)
	for _, e := range c.Env {
		if names[e.Name] {
			f.add("%s: %s has %s twice", w, c.Name, e.Name)
		}
		names[e.Name] = true
		if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
			continue
		}
		if ref := e.ValueFrom.SecretKeyRef; secrets[ref.Name] != ref.Key {
			f.add("%s: %s: %s is from the key %q of the Secret %q, which nobody makes", w, c.Name, e.Name, ref.Key, ref.Name)
		}
	}
}

func (m *manifests) serviceReferences(f *faults, s *corev1.Service) {
	if len(s.Spec.Selector) == 0 {
		f.add("Service/%s: has no selector", s.Name)
		return
	}
	found := m.selected(s.Namespace, metav1.SetAsLabelSelector(s.Spec.Selector))
	if len(found) != 1 {
		f.add("Service/%s: selects %d workloads", s.Name, len(found))
		return
	}
	for _, p := range s.Spec.Ports {
		if !listens(found[0].containers(), p.TargetPort) {
			f.add("Service/%s: %s has no port %s", s.Name, found[0], p.TargetPort.String())
		}
	}
}

// autoscalerReferences checks that what is scaled is there, leaves the number of replicas to the autoscaler, and requests what is
// measured.
func (m *manifests) autoscalerReferences(f *faults, a *autoscalingv2.HorizontalPodAutoscaler) {
	ref := a.Spec.ScaleTargetRef
	i := slices.IndexFunc(m.workloads, func(w workload) bool {
		return w.kind == ref.Kind && w.name == ref.Name && w.namespace == a.Namespace
	})
	if i < 0 {
		f.add("HorizontalPodAutoscaler/%s: there is no %s %q", a.Name, ref.Kind, ref.Name)
		return
	}
	w := &m.workloads[i]
	if !w.replicasLeft {
		f.add("HorizontalPodAutoscaler/%s: %s says how many replicas, and undoes the scaling each time that it is applied", a.Name, w)
	}
	for _, metric := range a.Spec.Metrics {
		if metric.Resource == nil || metric.Resource.Target.AverageUtilization == nil {
			continue
		}
		for _, c := range w.containers() {
			if _, ok := c.Resources.Requests[metric.Resource.Name]; !ok {
				f.add("HorizontalPodAutoscaler/%s: %s requests no %s, of which a share is measured", a.Name, w, metric.Resource.Name)
			}
		}
	}
}

func (m *manifests) monitorReferences(f *faults) {
	for _, p := range m.podMonitors {
		found := m.selected(p.Namespace, &p.Spec.Selector)
		if p.Spec.NamespaceSelector.Any {
			continue // what it selects is not part of the build
		}
		if len(found) == 0 {
			f.add("PodMonitor/%s: selects no pod", p.Name)
		}
		for _, e := range p.Spec.PodMetricsEndpoints {
			if e.Port == nil || !slices.ContainsFunc(found, func(w *workload) bool {
				return listens(w.containers(), intstr.FromString(*e.Port))
			}) {
				f.add("PodMonitor/%s: no pod has its port", p.Name)
			}
		}
	}
}

// policyReferences checks that policies are about pods that there are, and let through what these listen on. The kubelet's probes
// pass without a rule.
func (m *manifests) policyReferences(f *faults) {
	for _, p := range m.policies {
		found := m.selected(p.Namespace, &p.Spec.PodSelector)
		if len(found) != 1 {
			f.add("NetworkPolicy/%s: selects %d workloads", p.Name, len(found))
			continue
		}
		open := make(map[string]bool)
		for _, rule := range p.Spec.Ingress {
			for _, port := range rule.Ports {
				if port.Port == nil || !listens(found[0].containers(), *port.Port) {
					f.add("NetworkPolicy/%s: %s has no port %v", p.Name, found[0], port.Port)
					continue
				}
				open[port.Port.String()] = true
			}
		}
		for _, c := range found[0].containers() {
			for _, port := range c.Ports {
				if port.Name != "health" && !open[port.Name] {
					f.add("NetworkPolicy/%s: nobody is let through to the port %s", p.Name, port.Name)
				}
			}
		}
		for _, rule := range p.Spec.Egress {
			for _, peer := range rule.To {
				if peer.NamespaceSelector != nil || peer.PodSelector == nil {
					continue // not of this build
				}
				to := m.selected(p.Namespace, peer.PodSelector)
				for _, port := range rule.Ports {
					if len(to) != 1 || !listens(to[0].containers(), *port.Port) {
						f.add("NetworkPolicy/%s: lets out to port %v of %v, where nothing listens", p.Name, port.Port, to)
					}
				}
			}
		}
	}
}

// selected returns the workloads whose pods a selector matches.
func (m *manifests) selected(namespace string, s *metav1.LabelSelector) []*workload {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || selector.Empty() {
		return nil
	}
	var found []*workload
	for i := range m.workloads {
		if w := &m.workloads[i]; w.namespace == namespace && selector.Matches(labels.Set(w.template.Labels)) {
			found = append(found, w)
		}
	}
	return found
}

// listens tells whether a container has a port, by name or number.
func listens(containers []*corev1.Container, port intstr.IntOrString) bool {
	return slices.ContainsFunc(containers, func(c *corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
			return port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal
		})
	})
}
