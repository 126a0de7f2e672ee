// Package kubernetes checks the manifests, the Helm chart and the resources for the OpenTelemetry operator without a cluster: each
// object against the types of its API, what refers to what, what pods may do, and each configuration with the real collector.
package kubernetes

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// manifests are the objects of one build, by kind. A kind that is not here is refused.
type manifests struct {
	workloads       []workload
	configMaps      []*corev1.ConfigMap
	services        []*corev1.Service
	serviceAccounts []*corev1.ServiceAccount
	policies        []*networkingv1.NetworkPolicy
	budgets         []*policyv1.PodDisruptionBudget
	autoscalers     []*autoscalingv2.HorizontalPodAutoscaler
	podMonitors     []*monitoringv1.PodMonitor
	rules           []*monitoringv1.PrometheusRule
	all             []metav1.Object
}

// workload is what makes pods.
type workload struct {
	kind, name, namespace string
	replicas              int
	replicasLeft          bool   // to an autoscaler: the object does not say how many
	service               string // of a StatefulSet
	selector              *metav1.LabelSelector
	template              corev1.PodTemplateSpec
	claims                []corev1.PersistentVolumeClaim
}

func (w *workload) String() string { return w.kind + "/" + w.name }

// containers returns the containers that run as long as the pod: sidecars, which are among its init containers, too.
func (w *workload) containers() []*corev1.Container {
	var all []*corev1.Container
	for i := range w.template.Spec.InitContainers {
		c := &w.template.Spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c)
		}
	}
	for i := range w.template.Spec.Containers {
		all = append(all, &w.template.Spec.Containers[i])
	}
	return all
}

var strictDecoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// decode reads a stream of YAML documents. A field that the API does not know, or that is there twice, is an error.
func decode(stream []byte) (*manifests, error) {
	m := new(manifests)
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := reader.Read()
		if err == io.EOF {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		if isBlank(document) {
			continue
		}
		object, _, err := strictDecoder.Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, document)
		}
		if err := m.add(object); err != nil {
			return nil, err
		}
	}
}

// isBlank tells whether a document holds comments and blank lines alone.
func isBlank(document []byte) bool {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

func (m *manifests) add(object runtime.Object) error {
	meta, ok := object.(metav1.Object)
	if !ok {
		return fmt.Errorf("%T has no metadata", object)
	}
	w := workload{name: meta.GetName(), namespace: meta.GetNamespace(), replicas: 1}
	switch o := object.(type) {
	case *appsv1.Deployment:
		w.kind, w.selector, w.template = "Deployment", o.Spec.Selector, o.Spec.Template
		w.replicasLeft = o.Spec.Replicas == nil
		m.addWorkload(w, o.Spec.Replicas)
	case *appsv1.DaemonSet:
		w.kind, w.selector, w.template = "DaemonSet", o.Spec.Selector, o.Spec.Template
		m.addWorkload(w, nil)
	case *appsv1.StatefulSet:
		w.kind, w.selector, w.template = "StatefulSet", o.Spec.Selector, o.Spec.Template
		w.service, w.claims = o.Spec.ServiceName, o.Spec.VolumeClaimTemplates
		m.addWorkload(w, o.Spec.Replicas)
	case *corev1.ConfigMap:
		m.configMaps = append(m.configMaps, o)
	case *corev1.Service:
		m.services = append(m.services, o)
	case *corev1.ServiceAccount:
		m.serviceAccounts = append(m.serviceAccounts, o)
	case *corev1.Namespace:
	case *networkingv1.NetworkPolicy:
		m.policies = append(m.policies, o)
	case *policyv1.PodDisruptionBudget:
		m.budgets = append(m.budgets, o)
	case *autoscalingv2.HorizontalPodAutoscaler:
		m.autoscalers = append(m.autoscalers, o)
	case *monitoringv1.PodMonitor:
		m.podMonitors = append(m.podMonitors, o)
	case *monitoringv1.PrometheusRule:
		m.rules = append(m.rules, o)
	default:
		return fmt.Errorf("%T %s is of a kind that nothing here checks", object, meta.GetName())
	}
	m.all = append(m.all, meta)
	return nil
}

func (m *manifests) addWorkload(w workload, replicas *int32) {
	if replicas != nil {
		w.replicas = int(*replicas)
	}
	m.workloads = append(m.workloads, w)
}

func (m *manifests) configMap(namespace, name string) *corev1.ConfigMap {
	i := slices.IndexFunc(m.configMaps, func(c *corev1.ConfigMap) bool { return c.Namespace == namespace && c.Name == name })
	if i < 0 {
		return nil
	}
	return m.configMaps[i]
}

func (m *manifests) service(namespace, name string) *corev1.Service {
	i := slices.IndexFunc(m.services, func(s *corev1.Service) bool { return s.Namespace == namespace && s.Name == name })
	if i < 0 {
		return nil
	}
	return m.services[i]
}

// setNamespace puts every object into a namespace.
func (m *manifests) setNamespace(namespace string) {
	for _, object := range m.all {
		object.SetNamespace(namespace)
	}
	for i := range m.workloads {
		m.workloads[i].namespace = namespace
	}
}
