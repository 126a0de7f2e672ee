/* Opening NVML, and the host's driver. */
#include "call.h"
#include "nvml_abi.h"
#include "scenario.h"

#include <stdio.h>

static nvmlReturn_t open_nvml(const char *function) {
    struct call call;
    nvmlReturn_t result = begin_opening(&call, function);
    if (result == NVML_SUCCESS) count_opening(1);
    return leave(result);
}

nvmlReturn_t nvmlInit_v2(void) { return open_nvml(__func__); }

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    return open_nvml(__func__);
}

nvmlReturn_t nvmlShutdown(void) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "shutdown");
    if (result == NVML_SUCCESS) count_opening(-1);
    return leave(result);
}

const char *nvmlErrorString(nvmlReturn_t result) {
    return result == NVML_SUCCESS ? "Success" : "Planned by the scenario";
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    struct call call;
    const char *value;
    nvmlReturn_t result = enter(&call, __func__, "driver");
    if (result == NVML_SUCCESS && !scenario_text(&value, "driver.version")) result = NVML_ERROR_UNKNOWN;
    if (result == NVML_SUCCESS) snprintf(version, length, "%s", value);
    return leave(result);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
    struct call call;
    unsigned long long value = 0;
    nvmlReturn_t result = enter(&call, __func__, "cuda");
    if (result == NVML_SUCCESS && !scenario_number(&value, "cuda.version")) result = NVML_ERROR_UNKNOWN;
    if (result == NVML_SUCCESS) *version = (int)value;
    return leave(result);
}
