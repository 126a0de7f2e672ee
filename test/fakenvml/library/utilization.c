/* Utilization over the last sample period of the driver. A GPU in MIG mode does not have it. */
#include "call.h"
#include "nvml_abi.h"
#include "scenario.h"

enum { SAMPLE_PERIOD_US = 200000 };

static nvmlReturn_t enter_without_mig(struct call *call, const char *function, nvmlDevice_t device,
                                      const char *feature) {
    nvmlReturn_t result = enter_gpu(call, function, device, feature);
    return result == NVML_SUCCESS && mig_enabled(call->place.gpu) ? NVML_ERROR_NOT_SUPPORTED : result;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization) {
    struct call call;
    unsigned int gpu = 0;
    unsigned long long memory = 0;
    nvmlReturn_t result = enter_without_mig(&call, __func__, device, "utilization");
    if (result == NVML_SUCCESS) result = small_number(&call, &gpu, "utilization.gpu");
    if (result == NVML_SUCCESS) {
        scenario_number(&memory, "%s.utilization.memory", call.prefix);
        utilization->gpu = gpu;
        utilization->memory = (unsigned int)memory;
    }
    return leave(result);
}

static nvmlReturn_t engine_utilization(const char *function, nvmlDevice_t device, const char *key,
                                       unsigned int *percent, unsigned int *period) {
    struct call call;
    nvmlReturn_t result = enter_without_mig(&call, function, device, key);
    if (result == NVML_SUCCESS) result = small_number(&call, percent, "%s", key);
    if (result == NVML_SUCCESS) *period = SAMPLE_PERIOD_US;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period) {
    return engine_utilization(__func__, device, "utilization.encoder", percent, period);
}

nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period) {
    return engine_utilization(__func__, device, "utilization.decoder", percent, period);
}
