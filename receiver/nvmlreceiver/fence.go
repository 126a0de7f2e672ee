package nvmlreceiver

import "fmt"

// fence makes a call into the binding and turns a panic into an error: go-nvml slices what the driver hands it, and a
// driver that contradicts itself between two calls must cost one value, not the collector.
func fence(call func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic in the NVML binding: %v", cause)
		}
	}()
	return call()
}

// fenced is fence for calls that return a value.
func fenced[T any](call func() (T, error)) (value T, err error) {
	err = fence(func() (err error) {
		value, err = call()
		return err
	})
	return value, err
}
