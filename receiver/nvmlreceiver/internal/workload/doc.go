// Package workload finds out who uses a GPU: the container and pod of a process from the proc file system, and the
// pods that a GPU or MIG device was given to from the kubelet.
package workload
