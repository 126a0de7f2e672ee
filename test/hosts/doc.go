// Package hosts runs agents, gateways and embedding servers as processes on hosts of their own: network namespaces that are
// joined by a bridge, in which each has an address and the ports that it has by default.
package hosts
