package embedding

import "strings"

// CanaryAgent marks the calls of canaries: it begins their User-Agent header and, because proxies may send one of their own,
// is also whom they are for where the API has a place for that.
const CanaryAgent = "otelcol-embedding-canary"

// CanaryScope is the instrumentation scope of what the canary receiver emits. Consumers of both logs and traces skip
// spans of this scope: the receiver counts its own calls.
const CanaryScope = "github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver"

// IsCanary reports whether a user agent, or whom a call is for, is a canary's.
func IsCanary(agent string) bool {
	rest, ok := strings.CutPrefix(agent, CanaryAgent)
	return ok && (rest == "" || rest[0] == '/')
}
