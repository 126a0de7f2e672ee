/* Power, energy and clocks. */
#include "call.h"
#include "nvml_abi.h"

static nvmlReturn_t one_number(const char *function, nvmlDevice_t device, const char *key, unsigned int *value) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, function, device, key);
    if (result == NVML_SUCCESS) result = small_number(&call, value, "%s", key);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts) {
    return one_number(__func__, device, "power", milliwatts);
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *milliwatts) {
    return one_number(__func__, device, "power.limit.enforced", milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned int *milliwatts) {
    return one_number(__func__, device, "power.limit.default", milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned int *lowest,
                                                          unsigned int *highest) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "power.limit");
    if (result == NVML_SUCCESS) result = small_number(&call, lowest, "power.limit.min");
    if (result == NVML_SUCCESS) result = small_number(&call, highest, "power.limit.max");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *millijoules) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "energy");
    if (result == NVML_SUCCESS) result = number(&call, millijoules, "energy");
    return leave(result);
}

static nvmlReturn_t read_clock(const char *function, nvmlDevice_t device, const char *feature, nvmlClockType_t type,
                               const char *suffix, unsigned int *megahertz) {
    static const char *const names[] = {"graphics", "sm", "memory", "video"};
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, function, device, feature);
    if (result == NVML_SUCCESS && (unsigned int)type > NVML_CLOCK_VIDEO) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = small_number(&call, megahertz, "clock.%s%s", names[type], suffix);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *megahertz) {
    return read_clock(__func__, device, "clock", type, "", megahertz);
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *megahertz) {
    return read_clock(__func__, device, "clock.max", type, ".max", megahertz);
}

nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t device, nvmlPstates_t *state) {
    unsigned int value;
    nvmlReturn_t result = one_number(__func__, device, "performance_state", &value);
    if (result == NVML_SUCCESS) *state = (nvmlPstates_t)value;
    return result;
}
