// Package alerting runs the shipped alerting chain in tests: the rules with their times made short, the shipped Alertmanager
// configuration in a real Alertmanager, and a webhook that keeps what arrives.
package alerting

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Notification is an alert as Alertmanager sent it.
type Notification struct {
	// Receiver is pager, tickets or notes, as in deploy/alertmanager.
	Receiver string
	// Status is firing or resolved.
	Status      string
	Labels      map[string]string
	Annotations map[string]string
}

// Webhook keeps what Alertmanager sends to it.
type Webhook struct {
	// URL has a path for each receiver.
	URL string

	mu  sync.Mutex
	got []Notification
}

// NewWebhook listens until the end of the test.
func NewWebhook(t testing.TB) *Webhook {
	h := &Webhook{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message struct {
			Alerts []Notification
		}
		if !assert.NoError(t, json.NewDecoder(r.Body).Decode(&message)) {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, n := range message.Alerts {
			n.Receiver = strings.TrimPrefix(r.URL.Path, "/")
			h.got = append(h.got, n)
		}
	}))
	t.Cleanup(server.Close)
	h.URL = server.URL
	return h
}

// Notifications returns all that arrived, in order.
func (h *Webhook) Notifications() []Notification {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}
