package embeddingcanaryreceiver

import (
	"context"
	"net"
	"net/url"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

// resolver looks up the addresses of a host; *net.Resolver is one.
type resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// addresses returns the addresses of u's host, sorted, each with u's port.
func addresses(ctx context.Context, r resolver, u *url.URL) ([]string, error) {
	hosts, err := r.LookupHost(ctx, u.Hostname())
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(probe.HostPort(u))
	if err != nil {
		return nil, err
	}
	all := make([]string, len(hosts))
	for i, host := range hosts {
		all[i] = net.JoinHostPort(host, port)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
