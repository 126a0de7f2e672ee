// Package packaging tests what the collector is shipped in: the container image, the compose file, the systemd unit and
// the packages. No container engine is needed: the image's file system is put together from the Dockerfile's own
// instructions over Debian's packages, containers are processes in a changed root and a network namespace, and a Debian
// with systemd boots in namespaces. It takes root on Linux, and what setup.sh prepares.
package packaging
