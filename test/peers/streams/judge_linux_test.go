package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	folder, m := written(t)
	r, err := judge(folder, 1000)
	require.NoError(t, err)
	assert.Len(t, r.Setup, len(m.Streams))
	assert.Positive(t, r.IdleKiB)
	assert.Positive(t, r.PeakKiB)
	for i, f := range m.Streams {
		j := r.Streams[i]
		assert.Equal(t, f.File, j.File)
		assert.Len(t, j.Healthy, f.Healthy-m.Learn, f.File)
		assert.Len(t, j.Seconds, f.Healthy+len(j.Faulty), f.File)
		if n := len(j.Faulty); n > 0 {
			assert.NotContains(t, j.Faulty[:n-1], true, f.File)
		} else {
			assert.Equal(t, f.Scenario, f.Traffic)
		}
	}
}
