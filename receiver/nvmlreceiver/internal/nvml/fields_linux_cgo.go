//go:build linux && cgo

package nvml

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

const fieldsSymbol = "nvmlDeviceGetFieldValues"

// firstRecentField is the first of the fields of which a driver says INVALID_ARGUMENT where it means that it does not
// know them, or that the GPU does not have what they count: the scope, the only other argument, is always right.
const firstRecentField = FieldNVLinkTransmit

func (d *device) Fields(values []Field) error {
	if len(values) == 0 {
		return nil
	}
	// The driver does not write every byte of every value, so the buffer has to begin as zeros.
	answers := make([]nvml.FieldValue, len(values))
	for i, value := range values {
		answers[i] = nvml.FieldValue{FieldId: d.session.driverField(value.ID), ScopeId: value.Scope}
	}
	err := d.session.call(fieldsSymbol, func() nvml.Return { return d.handle.GetFieldValues(answers) })
	for i := range values {
		if err != nil {
			values[i].Value, values[i].Err = FieldNumber{}, err
			continue
		}
		values[i].Value, values[i].Err = readField(values[i].ID, answers[i])
	}
	return err
}

// driverField returns the number by which the driver knows a field.
func (s *session) driverField(id FieldID) uint32 {
	const renumberedBy = FieldThrottleSoftwareThermal - 251
	if s.oldThrottleFields && id >= FieldThrottleSoftwareThermal && id <= FieldThrottlePowerBrake {
		id -= renumberedBy
	}
	return uint32(id)
}

// numbersThrottleFieldsTheOldWay tells whether a driver has the three throttle times for thermal and power brake
// reasons as fields 251 to 253. Drivers since 580.82 have them as 269 to 271. Asked by numbers that are not theirs,
// drivers answer with something else instead of an error. A version that cannot be read counts as new.
func numbersThrottleFieldsTheOldWay(driverVersion string) bool {
	major, rest, _ := strings.Cut(driverVersion, ".")
	minor, _, _ := strings.Cut(rest, ".")
	branch, err := strconv.Atoi(major)
	if err != nil {
		return false
	}
	release, err := strconv.Atoi(minor)
	if err != nil {
		return false
	}
	return branch < 580 || branch == 580 && release < 82
}

// readField reads the answer to one field. Errors name the field as the receiver knows it.
func readField(id FieldID, answer nvml.FieldValue) (FieldNumber, error) {
	if status := Status(answer.NvmlReturn); status != StatusSuccess {
		detail := fmt.Sprintf("field %d: code %d", id, int(status))
		if status == StatusInvalidArgument && id >= firstRecentField {
			status = StatusNotSupported
		}
		return FieldNumber{}, &CallError{Call: fieldsSymbol, Status: status, Detail: detail}
	}
	number, err := fieldNumber(nvml.ValueType(answer.ValueType), answer.Value)
	if err != nil {
		return FieldNumber{}, &CallError{
			Call: fieldsSymbol, Status: StatusUnknown, Detail: fmt.Sprintf("field %d: %v", id, err),
		}
	}
	return number, nil
}

// fieldNumber reads an nvmlValue_t that is a count or an amount.
func fieldNumber(kind nvml.ValueType, raw [8]byte) (FieldNumber, error) {
	switch kind {
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return FieldNumber{Uint: uint64(binary.NativeEndian.Uint32(raw[:])), Bits: 32}, nil
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		return FieldNumber{Uint: binary.NativeEndian.Uint64(raw[:]), Bits: 64}, nil
	}
	if kind == nvml.VALUE_TYPE_SIGNED_LONG_LONG {
		// Not by way of a float64 like the rest, which does not hold every integer of that size.
		value := int64(binary.NativeEndian.Uint64(raw[:]))
		if value < 0 {
			return FieldNumber{}, fmt.Errorf("value %d", value)
		}
		return FieldNumber{Uint: uint64(value), Bits: 64}, nil
	}
	value, err := floatValue(kind, raw)
	if err != nil {
		return FieldNumber{}, err
	}
	if value < 0 || value >= math.MaxUint64 {
		return FieldNumber{}, fmt.Errorf("value %v", value)
	}
	return FieldNumber{Uint: uint64(value), Bits: 64}, nil
}
