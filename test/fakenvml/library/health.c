/* Remapped rows and what holds the clocks down. */
#include "call.h"
#include "moment.h"
#include "nvml_abi.h"

static int has_mig_devices(unsigned int gpu) {
    for (int mig = 0; mig < MAX_MIG_DEVICES; mig++) {
        if (mig_exists(gpu, mig)) return 1;
    }
    return 0;
}

/* Not known while there are MIG devices. */
nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *correctable, unsigned int *uncorrectable,
                                       unsigned int *pending, unsigned int *failed) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "remapped");
    if (result == NVML_SUCCESS && has_mig_devices(call.place.gpu)) result = NVML_ERROR_NOT_SUPPORTED;
    if (result == NVML_SUCCESS) result = small_number(&call, correctable, "remapped.correctable");
    if (result == NVML_SUCCESS) result = small_number(&call, uncorrectable, "remapped.uncorrectable");
    if (result == NVML_SUCCESS) result = small_number(&call, pending, "remapped.pending");
    if (result == NVML_SUCCESS) result = small_number(&call, failed, "remapped.failed");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, nvmlPerfPolicyType_t policy,
                                          nvmlViolationTime_t *violation) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "violation");
    if (result == NVML_SUCCESS) {
        result = number(&call, &violation->violationTime, "violation.%u", (unsigned int)policy);
    }
    if (result == NVML_SUCCESS) violation->referenceTime = wall_us();
    return leave(result);
}
