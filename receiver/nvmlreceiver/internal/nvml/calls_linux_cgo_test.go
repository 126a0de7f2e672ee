//go:build linux && cgo

package nvml

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/require"
)

// sessionWithout is a session of a library that has every symbol but some, and that counts look-ups.
func sessionWithout(missing ...string) (s *session, lookups map[string]int) {
	s = newSession(nil, newCallRecorder())
	lookups = map[string]int{}
	s.lookup = func(symbol string) error {
		lookups[symbol]++
		for _, name := range missing {
			if name == symbol {
				return errors.New("not there")
			}
		}
		return nil
	}
	return s, lookups
}

func (s *session) stats() map[string]CallStats {
	stats := map[string]CallStats{}
	s.calls.each(func(call CallStats) { stats[call.Function] = call })
	return stats
}

func succeed() nvml.Return { return nvml.SUCCESS }

func TestCallOfMissingSymbol(t *testing.T) {
	s, lookups := sessionWithout("nvmlGone")
	for range 3 {
		err := s.call("nvmlGone", func() nvml.Return {
			t.Error("the call was made")
			return nvml.SUCCESS
		})
		require.EqualError(t, err, "nvmlGone: function not found (13)")
		require.True(t, IsUnsupported(err))
	}
	require.Equal(t, map[string]int{"nvmlGone": 1}, lookups)
	require.Empty(t, s.stats(), "a call that was not made is not counted")
}

func TestCallAfterEnd(t *testing.T) {
	s, lookups := sessionWithout()
	s.end()
	err := s.call("nvmlShutdown", func() nvml.Return {
		t.Error("the call was made")
		return nvml.SUCCESS
	})
	require.EqualError(t, err, "nvmlShutdown: uninitialized (1)")
	require.Equal(t, "nvmlA", s.newest("nvmlA_v2", "nvmlA"))
	require.Empty(t, lookups)
}

func TestNewest(t *testing.T) {
	for _, tt := range []struct {
		missing []string
		want    string
	}{
		{nil, "nvmlA_v3"},
		{[]string{"nvmlA_v3"}, "nvmlA_v2"},
		{[]string{"nvmlA_v3", "nvmlA_v2"}, "nvmlA"},
		{[]string{"nvmlA_v2"}, "nvmlA_v3"},
		{[]string{"nvmlA_v3", "nvmlA_v2", "nvmlA"}, "nvmlA"},
	} {
		s, _ := sessionWithout(tt.missing...)
		require.Equal(t, tt.want, s.newest("nvmlA_v3", "nvmlA_v2", "nvmlA"), "without %v", tt.missing)
	}
}

func TestCallFencesPanic(t *testing.T) {
	s, _ := sessionWithout()
	err := s.call("nvmlA", func() nvml.Return {
		var list []int
		return nvml.Return(list[len(s.functions)])
	})
	require.EqualError(t, err, "nvmlA: unknown error: panic: runtime error: index out of range [1] with length 0")
	require.Equal(t, StatusUnknown, StatusOf(err))
	stats := s.stats()["nvmlA"]
	require.Equal(t, [2]int64{1, 1}, [2]int64{stats.Calls, stats.Failed})
	require.Zero(t, stats.Running)
}

func TestCallStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := sessionWithout()
		take := func(duration time.Duration, ret nvml.Return) func() nvml.Return {
			return func() nvml.Return {
				time.Sleep(duration)
				return ret
			}
		}
		require.NoError(t, s.call("nvmlB", take(2*time.Second, nvml.SUCCESS)))
		require.EqualError(t, s.call("nvmlB", take(3*time.Second, nvml.ERROR_GPU_IS_LOST)), "nvmlB: GPU is lost (15)")
		require.NoError(t, s.call("nvmlA", succeed))
		require.EqualError(t, s.call("nvmlA", take(0, nvml.ERROR_NOT_SUPPORTED)), "nvmlA: not supported (3)")
		require.Equal(t, CallStats{Function: "nvmlA", Calls: 2, Unsupported: 1}, s.stats()["nvmlA"])
		require.Equal(t, "nvmlC", s.newest("nvmlC"), "looked up, not called")

		var calls sync.WaitGroup
		calls.Go(func() { _ = s.call("nvmlB", take(10*time.Second, nvml.SUCCESS)) })
		time.Sleep(4 * time.Second)
		calls.Go(func() { _ = s.call("nvmlB", take(20*time.Second, nvml.SUCCESS)) })
		time.Sleep(4 * time.Second)
		want := CallStats{Function: "nvmlB", Calls: 2, Failed: 1, Duration: 5 * time.Second, Running: 8 * time.Second}
		require.Equal(t, want, s.stats()["nvmlB"])

		// The older of the two has returned.
		time.Sleep(4 * time.Second)
		want = CallStats{Function: "nvmlB", Calls: 3, Failed: 1, Duration: 15 * time.Second, Running: 8 * time.Second}
		require.Equal(t, want, s.stats()["nvmlB"])

		calls.Wait()
		want = CallStats{Function: "nvmlB", Calls: 4, Failed: 1, Duration: 35 * time.Second}
		var order []string
		s.calls.each(func(call CallStats) { order = append(order, call.Function) })
		require.Equal(t, want, s.stats()["nvmlB"])
		require.Equal(t, []string{"nvmlA", "nvmlB"}, order)
	})
}

func TestCallsFromManyGoroutines(t *testing.T) {
	s, _ := sessionWithout()
	s.lookup = func(string) error { return nil }
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for i := range 1000 {
				_ = s.call(fmt.Sprintf("nvml%d", i%3), func() nvml.Return { return nvml.Return(i % 2) })
				s.calls.each(func(CallStats) {})
			}
		})
	}
	callers.Wait()
	var calls, failed int64
	for _, stats := range s.stats() {
		calls += stats.Calls
		failed += stats.Failed
		require.Zero(t, stats.Running)
	}
	require.Equal(t, [2]int64{8000, 4000}, [2]int64{calls, failed})
}

func TestListThatGrows(t *testing.T) {
	type attempt = func() ([]int, nvml.Return)
	answer := func(ret nvml.Return, items ...int) attempt {
		return func() ([]int, nvml.Return) { return items, ret }
	}
	beyond := func() ([]int, nvml.Return) {
		announced := make([]int, 2)
		return announced[:cap(announced)+1], nvml.SUCCESS
	}
	tooSmall := answer(nvml.ERROR_INSUFFICIENT_SIZE, 0)
	for name, tt := range map[string]struct {
		answers []attempt
		want    []int
		err     string
	}{
		"once":               {answers: []attempt{beyond, answer(nvml.SUCCESS, 1, 2, 3)}, want: []int{1, 2, 3}},
		"refused once":       {answers: []attempt{tooSmall, answer(nvml.SUCCESS, 1)}, want: []int{1}},
		"every time":         {answers: []attempt{beyond, beyond}, err: "panic: runtime error: slice bounds out of range"},
		"refused every time": {answers: []attempt{tooSmall, tooSmall}, err: "insufficient size (7)"},
		"nothing found":      {answers: []attempt{answer(nvml.ERROR_NOT_FOUND)}},
		"no room for none":   {answers: []attempt{answer(nvml.ERROR_INSUFFICIENT_SIZE)}},
		"another error":      {answers: []attempt{answer(nvml.ERROR_NO_PERMISSION)}, err: "no permission (4)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := sessionWithout()
			made := 0
			items, err := list(s, "nvmlA", func() ([]int, nvml.Return) {
				made++
				return tt.answers[made-1]()
			})
			require.Equal(t, tt.want, items)
			require.Len(t, tt.answers, made)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
		})
	}

	s, lookups := sessionWithout("nvmlA")
	_, err := list(s, "nvmlA", beyond)
	require.EqualError(t, err, "nvmlA: function not found (13)")
	require.Equal(t, 1, lookups["nvmlA"])
}

func TestAllocation(t *testing.T) {
	s, _ := sessionWithout()
	var a allocation
	inside, release := make(chan struct{}), make(chan struct{})
	var user sync.WaitGroup
	user.Go(func() {
		_ = a.use("nvmlUse", func() error {
			close(inside)
			<-release
			return nil
		})
	})
	<-inside
	require.EqualError(t, a.free(s, "nvmlFree", succeed), "nvmlFree: GPU is in use: a call that uses it has not returned")
	close(release)
	user.Wait()
	require.NoError(t, a.free(s, "nvmlFree", succeed))
	require.EqualError(t, a.free(s, "nvmlFree", succeed), "nvmlFree: invalid argument: already freed")
	require.EqualError(t, a.use("nvmlUse", func() error {
		t.Error("the call was made")
		return nil
	}), "nvmlUse: invalid argument: already freed")
	require.Equal(t, int64(1), s.stats()["nvmlFree"].Calls)
}

// What the guard, the fence and the statistics cost a call.
func BenchmarkCall(b *testing.B) {
	s, _ := sessionWithout()
	get := func() (uint32, nvml.Return) { return 1, nvml.SUCCESS }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ask(s, "nvmlDeviceGetPowerUsage", get); err != nil {
			b.Fatal(err)
		}
	}
}

// No call allocates for being guarded, fenced and counted.
func TestCallDoesNotAllocate(t *testing.T) {
	s, _ := sessionWithout()
	get := func() (uint32, nvml.Return) { return 1, nvml.SUCCESS }
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = ask(s, "nvmlDeviceGetPowerUsage", get)
	}))
}
