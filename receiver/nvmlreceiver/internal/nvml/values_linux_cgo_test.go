//go:build linux && cgo

package nvml

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/require"
)

func raw(bits uint64) (value [8]byte) {
	binary.NativeEndian.PutUint64(value[:], bits)
	return value
}

func raw32(bits uint32) (value [8]byte) {
	// What the driver does not write must not be read either.
	value = [8]byte{4: 0xff, 5: 0xff, 6: 0xff, 7: 0xff}
	binary.NativeEndian.PutUint32(value[:], bits)
	return value
}

func TestFieldNumber(t *testing.T) {
	for name, tt := range map[string]struct {
		kind nvml.ValueType
		raw  [8]byte
		want FieldNumber
		err  string
	}{
		"unsigned int":       {nvml.VALUE_TYPE_UNSIGNED_INT, raw32(math.MaxUint32), FieldNumber{math.MaxUint32, 32}, ""},
		"unsigned long":      {nvml.VALUE_TYPE_UNSIGNED_LONG, raw(math.MaxUint64), FieldNumber{math.MaxUint64, 64}, ""},
		"unsigned long long": {nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, raw(math.MaxUint64), FieldNumber{math.MaxUint64, 64}, ""},
		"signed long long":   {nvml.VALUE_TYPE_SIGNED_LONG_LONG, raw(math.MaxInt64), FieldNumber{math.MaxInt64, 64}, ""},
		"signed int":         {nvml.VALUE_TYPE_SIGNED_INT, raw32(7), FieldNumber{7, 64}, ""},
		"unsigned short":     {nvml.VALUE_TYPE_UNSIGNED_SHORT, raw32(7), FieldNumber{7, 64}, ""},
		"double":             {nvml.VALUE_TYPE_DOUBLE, raw(math.Float64bits(7.9)), FieldNumber{7, 64}, ""},
		"negative long long": {nvml.VALUE_TYPE_SIGNED_LONG_LONG, raw(math.MaxUint64), FieldNumber{}, "value -1"},
		"negative int":       {nvml.VALUE_TYPE_SIGNED_INT, raw32(math.MaxUint32), FieldNumber{}, "value -1"},
		"negative double":    {nvml.VALUE_TYPE_DOUBLE, raw(math.Float64bits(-0.5)), FieldNumber{}, "value -0.5"},
		"NaN":                {nvml.VALUE_TYPE_DOUBLE, raw(math.Float64bits(math.NaN())), FieldNumber{}, "value NaN"},
		"too large":          {nvml.VALUE_TYPE_DOUBLE, raw(math.Float64bits(0x1p64)), FieldNumber{}, "value 1.8446744073709552e+19"},
		"unknown type":       {nvml.VALUE_TYPE_COUNT, raw(1), FieldNumber{}, "value type 7"},
	} {
		t.Run(name, func(t *testing.T) {
			number, err := fieldNumber(tt.kind, tt.raw)
			require.Equal(t, tt.want, number)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.err)
		})
	}
}

func TestFloatValue(t *testing.T) {
	for name, tt := range map[string]struct {
		kind nvml.ValueType
		raw  [8]byte
		want float64
	}{
		"unsigned int":       {nvml.VALUE_TYPE_UNSIGNED_INT, raw32(100), 100},
		"unsigned long":      {nvml.VALUE_TYPE_UNSIGNED_LONG, raw(1 << 40), 1 << 40},
		"unsigned long long": {nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, raw(1 << 40), 1 << 40},
		"signed long long":   {nvml.VALUE_TYPE_SIGNED_LONG_LONG, raw(math.MaxUint64), -1},
		"signed int":         {nvml.VALUE_TYPE_SIGNED_INT, raw32(math.MaxUint32), -1},
		"unsigned short":     {nvml.VALUE_TYPE_UNSIGNED_SHORT, raw32(0xffff0007), 7},
		"double":             {nvml.VALUE_TYPE_DOUBLE, raw(math.Float64bits(12.5)), 12.5},
	} {
		value, err := floatValue(tt.kind, tt.raw)
		require.NoError(t, err, name)
		require.InDelta(t, tt.want, value, 0, name)
	}
}

func TestReadField(t *testing.T) {
	answer := func(code nvml.Return) nvml.FieldValue { return nvml.FieldValue{NvmlReturn: uint32(code)} }

	_, err := readField(FieldPowerInstant, answer(nvml.ERROR_NOT_SUPPORTED))
	require.EqualError(t, err, "nvmlDeviceGetFieldValues: not supported: field 186: code 3")
	require.True(t, IsUnsupported(err))

	_, err = readField(FieldPCIeTransmit, answer(nvml.ERROR_INVALID_ARGUMENT))
	require.EqualError(t, err, "nvmlDeviceGetFieldValues: not supported: field 197: code 2")
	require.True(t, IsUnsupported(err), "an older driver does not know the field")

	_, err = readField(FieldThrottlePower, answer(nvml.ERROR_INVALID_ARGUMENT))
	require.EqualError(t, err, "nvmlDeviceGetFieldValues: invalid argument: field 74: code 2")
	require.False(t, IsUnsupported(err), "every driver knows the field")

	_, err = readField(FieldPowerInstant, nvml.FieldValue{ValueType: uint32(nvml.VALUE_TYPE_COUNT)})
	require.EqualError(t, err, "nvmlDeviceGetFieldValues: unknown error: field 186: value type 7")
}

func TestThrottleFieldsByDriver(t *testing.T) {
	for version, old := range map[string]bool{
		"470.256.02": true, "535.183.01": true, "570.195.03": true, "575.57.08": true, "580.65.06": true, "580.81": true,
		"580.82": false, "580.82.07": false, "580.105.08": false, "581.15": false, "590.44.01": false,
		"": false, "580": false, "unknown": false, "unknown.1": false, "580.x": false,
	} {
		require.Equal(t, old, numbersThrottleFieldsTheOldWay(version), "driver %q", version)
	}
}

func TestDriverField(t *testing.T) {
	s, _ := sessionWithout()
	ids := []FieldID{FieldECCCorrectedVolatile, FieldRecoveryAction, 268, FieldThrottleSoftwareThermal,
		FieldThrottleHardwareThermal, FieldThrottlePowerBrake, 272}
	ask := func() (numbers []uint32) {
		for _, id := range ids {
			numbers = append(numbers, s.driverField(id))
		}
		return numbers
	}
	require.Equal(t, []uint32{3, 230, 268, 269, 270, 271, 272}, ask())
	s.oldThrottleFields = true
	require.Equal(t, []uint32{3, 230, 268, 251, 252, 253, 272}, ask())
}

func TestReadGPMMetric(t *testing.T) {
	value, err := readGPMMetric(nvml.GpmMetric{MetricId: 2, Value: 12.5})
	require.NoError(t, err)
	require.InDelta(t, 12.5, value, 0)
	_, err = readGPMMetric(nvml.GpmMetric{MetricId: 2, NvmlReturn: uint32(nvml.ERROR_NOT_SUPPORTED)})
	require.EqualError(t, err, "nvmlGpmMetricsGet: not supported: metric 2: code 3")
	_, err = readGPMMetric(nvml.GpmMetric{MetricId: 2, Value: math.NaN()})
	require.EqualError(t, err, "nvmlGpmMetricsGet: unknown error: metric 2: value NaN")
}

func TestRoundUpToMilliseconds(t *testing.T) {
	for timeout, want := range map[time.Duration]uint32{
		-time.Second: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, time.Second: 1000,
		math.MaxInt64: math.MaxUint32,
	} {
		require.Equal(t, want, roundUpToMilliseconds(timeout), "%v", timeout)
	}
}

func TestText(t *testing.T) {
	require.Equal(t, "0000:01", text([]int8{'0', '0', '0', '0', ':', '0', '1', 0, 'x'}))
	require.Equal(t, "full", text([]int8{'f', 'u', 'l', 'l'}))
	require.Empty(t, text(make([]int8, 4)))
}
