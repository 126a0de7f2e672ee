package nvmlreceiver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lane
		require.False(t, l.busy())
		hang := make(chan struct{})
		require.True(t, l.start(func() { <-hang }))
		require.True(t, l.busy())
		require.False(t, l.start(func() { t.Error("a lane does one thing at a time") }))

		began := time.Now()
		require.False(t, l.wait(5*time.Minute))
		require.Equal(t, 5*time.Minute, time.Since(began))
		require.False(t, l.wait(-time.Second), "a deadline that is over does not wait")

		close(hang)
		require.True(t, l.wait(time.Second))
		require.NoError(t, l.err())
	})
}

func TestLaneKeepsAPanic(t *testing.T) {
	var l lane
	l.start(func() { panic("slice bounds out of range") })
	require.True(t, l.wait(time.Minute))
	require.ErrorContains(t, l.err(), "panic: slice bounds out of range")
	l.start(func() {})
	require.True(t, l.wait(time.Minute))
	require.NoError(t, l.err(), "of the work before")
}
