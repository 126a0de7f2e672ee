/* Which GPUs there are, and what they are called. */
#include "call.h"
#include "nvml_abi.h"

#include <stdio.h>
#include <string.h>

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "count");
    if (result == NVML_SUCCESS) *count = gpu_count();
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    struct call call;
    nvmlReturn_t result = enter_index(&call, __func__, index, "handle");
    if (result == NVML_SUCCESS) *device = handle_of(call.place.gpu, NO_MIG_DEVICE);
    return leave(result);
}

/* The index of a MIG device is that among the MIG devices of its GPU. */
nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "index");
    if (result == NVML_SUCCESS) {
        *index = (unsigned int)(call.place.mig == NO_MIG_DEVICE ? index_of(call.place.gpu) : call.place.mig);
    }
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "minor");
    if (result == NVML_SUCCESS) result = small_number(&call, minor, "minor");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "uuid");
    if (result == NVML_SUCCESS) result = copy_text(&call, "uuid", uuid, length);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "name");
    if (result == NVML_SUCCESS) result = copy_text(&call, "name", name, length);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "serial");
    if (result == NVML_SUCCESS) result = copy_text(&call, "serial", serial, length);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "pci");
    memset(pci, 0, sizeof *pci);
    if (result == NVML_SUCCESS) result = copy_text(&call, "pci.bus_id", pci->busId, sizeof pci->busId);
    /* A bus id that is none is answered as it is, and the numbers stay 0. */
    if (result == NVML_SUCCESS && sscanf(pci->busId, "%8x:%2x:%2x", &pci->domain, &pci->bus, &pci->device) == 3) {
        snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:%02X.0", pci->domain & 0xFFFF, pci->bus & 0xFF,
                 pci->device & 0xFF);
    }
    return leave(result);
}
