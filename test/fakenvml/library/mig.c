/* Multi-instance GPUs. A MIG device is a compute instance. */
#include "call.h"
#include "nvml_abi.h"

#include <stdio.h>
#include <string.h>

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending) {
    struct call call;
    unsigned int most;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "mig");
    if (result == NVML_SUCCESS) result = small_number(&call, &most, "mig.max");
    if (result == NVML_SUCCESS) *current = *pending = (unsigned int)mig_enabled(call.place.gpu);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "mig");
    if (result == NVML_SUCCESS) result = small_number(&call, count, "mig.max");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *mig_device) {
    struct call call;
    unsigned int most = 0;
    char handle[32];
    snprintf(handle, sizeof handle, "mig.%u.handle", index);
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "mig");
    if (result == NVML_SUCCESS) result = small_number(&call, &most, "mig.max");
    if (result == NVML_SUCCESS && (index >= most || index >= MAX_MIG_DEVICES)) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = planned(&call, handle);
    if (result == NVML_SUCCESS && !mig_exists(call.place.gpu, (int)index)) result = NVML_ERROR_NOT_FOUND;
    if (result == NVML_SUCCESS) *mig_device = handle_of(call.place.gpu, (int)index);
    return leave(result);
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "is_mig");
    if (result == NVML_SUCCESS) *is_mig = call.place.mig != NO_MIG_DEVICE;
    return leave(result);
}

/* Begins a call that only MIG devices answer. */
static nvmlReturn_t enter_mig(struct call *call, const char *function, nvmlDevice_t device, const char *feature) {
    nvmlReturn_t result = enter_device(call, function, device, feature);
    if (result == NVML_SUCCESS && call->place.mig == NO_MIG_DEVICE) return NVML_ERROR_INVALID_ARGUMENT;
    return result;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig_device, nvmlDevice_t *device) {
    struct call call;
    nvmlReturn_t result = enter_mig(&call, __func__, mig_device, "parent");
    if (result == NVML_SUCCESS) *device = handle_of(call.place.gpu, NO_MIG_DEVICE);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *id) {
    struct call call;
    nvmlReturn_t result = enter_mig(&call, __func__, device, "gi");
    if (result == NVML_SUCCESS) result = small_number(&call, id, "gi");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *id) {
    struct call call;
    nvmlReturn_t result = enter_mig(&call, __func__, device, "ci");
    if (result == NVML_SUCCESS) result = small_number(&call, id, "ci");
    return leave(result);
}

/* The engines that instances share are 0. The compute instance is taken to have all slices of its GPU instance. */
static nvmlReturn_t read_attributes(const char *function, nvmlDevice_t device, nvmlDeviceAttributes_t *attributes) {
    struct call call;
    nvmlReturn_t result = enter_mig(&call, function, device, "attributes");
    memset(attributes, 0, sizeof *attributes);
    if (result == NVML_SUCCESS) result = small_number(&call, &attributes->multiprocessorCount, "sm");
    if (result == NVML_SUCCESS) result = small_number(&call, &attributes->gpuInstanceSliceCount, "slices");
    if (result == NVML_SUCCESS) result = number(&call, &attributes->memorySizeMB, "memory.mib");
    attributes->computeInstanceSliceCount = attributes->gpuInstanceSliceCount;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes) {
    return read_attributes(__func__, device, attributes);
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes) {
    return read_attributes(__func__, device, attributes);
}
