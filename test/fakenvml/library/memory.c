/* Memory of a GPU or MIG device. */
#include "call.h"
#include "nvml_abi.h"
#include "scenario.h"

/* Reserved memory may be left out of a scenario. */
static nvmlReturn_t read_memory(const struct call *call, nvmlMemory_v2_t *memory) {
    nvmlReturn_t result = number(call, &memory->total, "memory.total");
    if (result == NVML_SUCCESS) result = number(call, &memory->used, "memory.used");
    if (result != NVML_SUCCESS) return result;
    memory->reserved = 0;
    scenario_number(&memory->reserved, "%s.memory.reserved", call->prefix);
    memory->free = memory->total - memory->reserved - memory->used;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "memory");
    if (result == NVML_SUCCESS && memory->version != STRUCT_VERSION(nvmlMemory_v2_t, 2)) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS) result = read_memory(&call, memory);
    return leave(result);
}

/* The first version counts the reserved memory as used. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    struct call call;
    nvmlMemory_v2_t second;
    nvmlReturn_t result = enter_device(&call, __func__, device, "memory");
    if (result == NVML_SUCCESS) result = read_memory(&call, &second);
    if (result == NVML_SUCCESS) {
        memory->total = second.total;
        memory->used = second.used + second.reserved;
        memory->free = second.free;
    }
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *memory) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "bar1");
    if (result == NVML_SUCCESS) result = number(&call, &memory->bar1Total, "bar1.total");
    if (result == NVML_SUCCESS) result = number(&call, &memory->bar1Used, "bar1.used");
    if (result == NVML_SUCCESS) memory->bar1Free = memory->bar1Total - memory->bar1Used;
    return leave(result);
}
