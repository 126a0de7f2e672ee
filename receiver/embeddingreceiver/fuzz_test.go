package embeddingreceiver

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// FuzzEntry reads entries of any content. What is accepted must be an event whose parts agree with one another.
func FuzzEntry(f *testing.F) {
	texts := newTestTexts()
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := newEntry(texts)
		for range 2 { // the second time in memory that has been used
			problems := e.read(raw, time.Unix(1767366245, 0))
			for _, p := range problems {
				if p.Message == "" {
					t.Fatal("a problem without a message")
				}
			}
			if len(problems) > 0 {
				continue
			}
			ev := &e.event
			if n := len(ev.Vectors); n > 0 && n != (ev.OutputCount-ev.OutputRagged)*ev.OutputDimension {
				t.Fatalf("%d numbers for %d vectors, %d of them ragged, of length %d", n, ev.OutputCount, ev.OutputRagged,
					ev.OutputDimension)
			}
			if n := len(ev.InputFingerprints); n > 0 && n != ev.InputCount*embedding.FingerprintSize {
				t.Fatalf("%d bytes of fingerprints for %d inputs", n, ev.InputCount)
			}
			if n := len(ev.InputCharacters); n > 0 && n != ev.InputCount {
				t.Fatalf("%d lengths for %d inputs", n, ev.InputCount)
			}
			if ev.Model() == "" || ev.Duration < 0 || ev.InputTokens < 0 {
				t.Fatalf("accepted %+v", ev)
			}
			lr := plog.NewLogRecord()
			e.write(lr, time.Now())
			var back embedding.Event
			if !back.ReadLogRecord(lr) {
				t.Fatal("the log record is no event")
			}
		}
	})
}

// FuzzSplit splits bodies of any content into entries.
func FuzzSplit(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, split := range []func([]byte) ([][]byte, error){splitJSON, splitLines} {
			entries, err := split(body)
			if err != nil && len(entries) > 0 {
				t.Fatalf("%d entries and error %v", len(entries), err)
			}
			e := newEntry(newTestTexts())
			for _, raw := range entries {
				e.read(raw, time.Unix(1767366245, 0))
			}
		}
	})
}

// FuzzContentDecoder decodes bodies of any content. Nothing may stay lent, or pass the limits.
func FuzzContentDecoder(f *testing.F) {
	const body = 1 << 16
	encodings := []string{"", "identity", "gzip", "deflate", "br", "zstd", "compress"}
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		var d contentDecoder
		defer d.close()
		m := newMemory(1<<20, body)
		var c capture
		c.write(m, content, 0)
		if c.lost == "" {
			out, why := d.decode(&c, encodings[int(which)%len(encodings)], m)
			if (out == nil) == (why == "") {
				t.Fatalf("%v and reason %q", out, why)
			}
			if out != nil {
				if len(out.bytes()) > body {
					t.Fatalf("%d bytes", len(out.bytes()))
				}
				out.release(m)
			}
		}
		c.release(m)
		if used := m.used.Load(); used != 0 {
			t.Fatalf("%d bytes left", used)
		}
	})
}

// FuzzTraceparent reads headers of any content. What is read must come out again.
func FuzzTraceparent(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		tc, ok := parseTraceparent(s)
		if !ok {
			return
		}
		want := fmt.Sprintf("-%s-%s-%s", tc.traceID, tc.spanID, hex.EncodeToString([]byte{tc.flags}))
		if !tc.valid() || s[2:2+len(want)] != want {
			t.Fatalf("read %s from %s", want, s)
		}
	})
}
