//go:build linux && cgo

package nvml

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

func (d *device) Utilization() (Utilization, error) {
	rates, err := ask(d.session, "nvmlDeviceGetUtilizationRates", d.handle.GetUtilizationRates)
	return Utilization{GPU: rates.Gpu, Memory: rates.Memory}, err
}

func (d *device) EncoderUtilization() (uint32, error) {
	return ask(d.session, "nvmlDeviceGetEncoderUtilization", func() (uint32, nvml.Return) {
		percent, _, ret := d.handle.GetEncoderUtilization()
		return percent, ret
	})
}

func (d *device) DecoderUtilization() (uint32, error) {
	return ask(d.session, "nvmlDeviceGetDecoderUtilization", func() (uint32, nvml.Return) {
		percent, _, ret := d.handle.GetDecoderUtilization()
		return percent, ret
	})
}

func (d *device) Samples(of SampleType, since uint64) ([]Sample, error) {
	const symbol = "nvmlDeviceGetSamples"
	var kind nvml.ValueType
	raw, err := list(d.session, symbol, func() (raw []nvml.Sample, ret nvml.Return) {
		kind, raw, ret = d.handle.GetSamples(nvml.SamplingType(of), since)
		return raw, ret
	})
	if err != nil {
		return nil, err
	}
	samples := make([]Sample, 0, len(raw))
	for _, sample := range raw {
		// The driver may announce more samples than it then has, and leaves the rest as they were: zero.
		if sample.TimeStamp <= since {
			continue
		}
		value, err := floatValue(kind, sample.SampleValue)
		if err != nil {
			return nil, &CallError{Call: symbol, Status: StatusUnknown, Detail: err.Error()}
		}
		samples = append(samples, Sample{Timestamp: sample.TimeStamp, Value: value})
	}
	slices.SortStableFunc(samples, func(a, b Sample) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return samples, nil
}

// floatValue reads an nvmlValue_t.
func floatValue(kind nvml.ValueType, raw [8]byte) (float64, error) {
	switch kind {
	case nvml.VALUE_TYPE_DOUBLE:
		value := math.Float64frombits(binary.NativeEndian.Uint64(raw[:]))
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return 0, fmt.Errorf("value %v", value)
		}
		return value, nil
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return float64(binary.NativeEndian.Uint32(raw[:])), nil
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		return float64(binary.NativeEndian.Uint64(raw[:])), nil
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		return float64(int64(binary.NativeEndian.Uint64(raw[:]))), nil
	case nvml.VALUE_TYPE_SIGNED_INT:
		return float64(int32(binary.NativeEndian.Uint32(raw[:]))), nil
	case nvml.VALUE_TYPE_UNSIGNED_SHORT:
		return float64(binary.NativeEndian.Uint16(raw[:])), nil
	default:
		return 0, fmt.Errorf("value type %d", int(kind))
	}
}

// list makes a call that go-nvml makes of two, one for the length of a list and one for the list. There being nothing
// to list is no error. A list that grows between the two makes the driver refuse the second or go-nvml slice beyond
// what it allocated; then both are made once more.
func list[T any](s *session, symbol string, get func() ([]T, nvml.Return)) ([]T, error) {
	for again := false; ; again = true {
		var items []T
		returned := false
		err := s.call(symbol, func() (ret nvml.Return) {
			items, ret = get()
			returned = true
			return ret
		})
		tooSmall := returned && StatusOf(err) == StatusInsufficientSize
		switch {
		case err == nil:
			return items, nil
		case StatusOf(err) == StatusNotFound, tooSmall && len(items) == 0:
			// Some drivers say of an empty list that there is no room for it.
			return nil, nil
		case again, returned && !tooSmall, refused(err):
			return nil, err
		}
	}
}

// refused tells that a call was not made at all.
func refused(err error) bool {
	status := StatusOf(err)
	return status == StatusFunctionNotFound || status == StatusUninitialized
}
