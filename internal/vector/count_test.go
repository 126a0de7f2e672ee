package vector

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestCountJSONAgrees holds CountJSON against AppendJSON.
func TestCountJSONAgrees(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := []byte("[" + rapid.StringMatching(`( ?-?[0-9]{1,9}(\.[0-9]{1,12})?(e-?[0-9]{1,2})? ?(,(?: |null,|NaN,)?)?){0,9}`).Draw(rt, "numbers") + "] rest")
		x, n, err := AppendJSON(nil, src)
		if err != nil {
			rt.Skip("not an array of numbers")
		}
		count, length, err := CountJSON(src)
		require.NoError(rt, err)
		require.Equal(rt, len(x), count)
		require.Equal(rt, n, length)
	})
}

func TestCountJSON(t *testing.T) {
	for src, want := range map[string]int{"[]": 0, "[ \n]": 0, "[1]": 1, "[ 1.5 , -2e3,null ]": 3, "[1,2],[3]": 2} {
		count, _, err := CountJSON([]byte(src))
		require.NoError(t, err, src)
		assert.Equal(t, want, count, src)
	}
	for src, want := range map[string]string{
		"":         "ends at byte 0, want '['",
		"1":        `has '1' at byte 0, want '['`,
		"[1,2":     "ends at byte 4, want ']'",
		"[[1],2]":  `has '[' at byte 1, want a number`,
		`[1,"2"]`:  `has '"' at byte 3, want a number`,
		`[{"a":1}`: `ends at byte 8, want ']'`,
		`[1,{}]`:   `has '{' at byte 3, want a number`,
	} {
		_, _, err := CountJSON([]byte(src))
		assert.ErrorContains(t, err, want, src)
	}
}
