//go:build linux && cgo

package nvml

import (
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// device is a handle that go-nvml gave out.
type device struct {
	session *session
	handle  nvml.Device
}

func (d *device) UUID() (string, error) {
	return ask(d.session, "nvmlDeviceGetUUID", d.handle.GetUUID)
}

func (d *device) Model() (string, error) {
	return ask(d.session, "nvmlDeviceGetName", d.handle.GetName)
}

func (d *device) Serial() (string, error) {
	return ask(d.session, "nvmlDeviceGetSerial", d.handle.GetSerial)
}

func (d *device) MinorNumber() (int, error) {
	return ask(d.session, "nvmlDeviceGetMinorNumber", d.handle.GetMinorNumber)
}

func (d *device) PCIBusID() (string, error) {
	symbol := d.session.newest("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo")
	info, err := ask(d.session, symbol, d.handle.GetPciInfo)
	if err != nil {
		return "", err
	}
	// The first two versions of the call fill only the shorter one.
	if id := text(info.BusId[:]); id != "" {
		return id, nil
	}
	return text(info.BusIdLegacy[:]), nil
}

// text converts a C string in a buffer.
func text(buffer []int8) string {
	var chars strings.Builder
	for _, char := range buffer {
		if char == 0 {
			break
		}
		chars.WriteByte(byte(char))
	}
	return chars.String()
}

// Memory prefers the second version of the call, whose "used" leaves out what driver and firmware reserve.
func (d *device) Memory() (Memory, error) {
	v2, err := ask(d.session, "nvmlDeviceGetMemoryInfo_v2", d.handle.GetMemoryInfo_v2)
	if err == nil {
		return Memory{Total: v2.Total, Reserved: v2.Reserved, Free: v2.Free, Used: v2.Used, ReservedKnown: true}, nil
	}
	if !IsUnsupported(err) {
		return Memory{}, err
	}
	v1, err := ask(d.session, "nvmlDeviceGetMemoryInfo", d.handle.GetMemoryInfo)
	return Memory{Total: v1.Total, Free: v1.Free, Used: v1.Used}, err
}

func (d *device) BAR1() (BAR1, error) {
	memory, err := ask(d.session, "nvmlDeviceGetBAR1MemoryInfo", d.handle.GetBAR1MemoryInfo)
	return BAR1{Total: memory.Bar1Total, Used: memory.Bar1Used}, err
}

// Temperature falls back to the call that NVIDIA deprecates, since older drivers have no other.
func (d *device) Temperature() (int64, error) {
	current, err := ask(d.session, "nvmlDeviceGetTemperatureV", func() (nvml.Temperature, nvml.Return) {
		return d.handle.GetTemperatureV().V1()
	})
	if err == nil || !IsUnsupported(err) {
		return int64(current.Temperature), err
	}
	deprecated, err := ask(d.session, "nvmlDeviceGetTemperature", func() (uint32, nvml.Return) {
		return d.handle.GetTemperature(nvml.TEMPERATURE_GPU)
	})
	return int64(deprecated), err
}

func (d *device) TemperatureThreshold(of Threshold) (int64, error) {
	threshold, err := ask(d.session, "nvmlDeviceGetTemperatureThreshold", func() (uint32, nvml.Return) {
		return d.handle.GetTemperatureThreshold(nvml.TemperatureThresholds(of))
	})
	return int64(threshold), err
}

func (d *device) TemperatureMargin() (int64, error) {
	margin, err := ask(d.session, "nvmlDeviceGetMarginTemperature", d.handle.GetMarginTemperature)
	return int64(margin.MarginTemperature), err
}

func (d *device) Power() (uint32, error) {
	return ask(d.session, "nvmlDeviceGetPowerUsage", d.handle.GetPowerUsage)
}

func (d *device) EnforcedPowerLimit() (uint32, error) {
	return ask(d.session, "nvmlDeviceGetEnforcedPowerLimit", d.handle.GetEnforcedPowerLimit)
}

func (d *device) DefaultPowerLimit() (uint32, error) {
	return ask(d.session, "nvmlDeviceGetPowerManagementDefaultLimit", d.handle.GetPowerManagementDefaultLimit)
}

func (d *device) PowerLimitRange() (lowest, highest uint32, err error) {
	err = d.session.call("nvmlDeviceGetPowerManagementLimitConstraints", func() (ret nvml.Return) {
		lowest, highest, ret = d.handle.GetPowerManagementLimitConstraints()
		return ret
	})
	return lowest, highest, err
}

func (d *device) Energy() (uint64, error) {
	return ask(d.session, "nvmlDeviceGetTotalEnergyConsumption", d.handle.GetTotalEnergyConsumption)
}

func (d *device) Clock(of ClockDomain) (uint32, error) {
	return ask(d.session, "nvmlDeviceGetClockInfo", func() (uint32, nvml.Return) {
		return d.handle.GetClockInfo(nvml.ClockType(of))
	})
}

func (d *device) MaxClock(of ClockDomain) (uint32, error) {
	return ask(d.session, "nvmlDeviceGetMaxClockInfo", func() (uint32, nvml.Return) {
		return d.handle.GetMaxClockInfo(nvml.ClockType(of))
	})
}

func (d *device) PerformanceState() (int64, error) {
	const symbol = "nvmlDeviceGetPerformanceState"
	state, err := ask(d.session, symbol, d.handle.GetPerformanceState)
	if err == nil && state == nvml.PSTATE_UNKNOWN {
		return 0, &CallError{Call: symbol, Status: StatusNotSupported, Detail: "the driver does not know the state"}
	}
	return int64(state), err
}

func (d *device) FanCount() (int, error) {
	return ask(d.session, "nvmlDeviceGetNumFans", d.handle.GetNumFans)
}

func (d *device) FanSpeed(fan int) (uint32, error) {
	return ask(d.session, "nvmlDeviceGetFanSpeed_v2", func() (uint32, nvml.Return) {
		return d.handle.GetFanSpeed_v2(fan)
	})
}

func (d *device) RemappedRows() (RemappedRows, error) {
	return ask(d.session, "nvmlDeviceGetRemappedRows", func() (RemappedRows, nvml.Return) {
		correctable, uncorrectable, pending, failed, ret := d.handle.GetRemappedRows()
		return RemappedRows{
			Correctable: uint64(correctable), Uncorrectable: uint64(uncorrectable), Pending: pending, Failed: failed,
		}, ret
	})
}

func (d *device) Violation(of Policy) (uint64, error) {
	violation, err := ask(d.session, "nvmlDeviceGetViolationStatus", func() (nvml.ViolationTime, nvml.Return) {
		return d.handle.GetViolationStatus(nvml.PerfPolicyType(of))
	})
	return violation.ViolationTime, err
}
