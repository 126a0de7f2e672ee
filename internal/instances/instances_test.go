package instances

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

type fake struct{ forget func() }

func TestGet(t *testing.T) {
	var live Live[*fake]
	config, other := &struct{ a int }{}, &struct{ a int }{}
	create := func(forget func()) (*fake, error) { return &fake{forget}, nil }

	first, err := live.Get(config, create)
	require.NoError(t, err)
	again, err := live.Get(config, create)
	require.NoError(t, err)
	require.Same(t, first, again)

	second, err := live.Get(other, create)
	require.NoError(t, err)
	require.NotSame(t, first, second, "equal configurations of two components are not one")

	first.forget()
	first.forget()
	fresh, err := live.Get(config, create)
	require.NoError(t, err)
	require.NotSame(t, first, fresh)
}

func TestGetFails(t *testing.T) {
	var live Live[*fake]
	config := &struct{ a int }{}
	broken := errors.New("broken")
	_, err := live.Get(config, func(func()) (*fake, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
	got, err := live.Get(config, func(forget func()) (*fake, error) { return &fake{forget}, nil })
	require.NoError(t, err)
	require.NotNil(t, got, "a failure is not remembered")
}
