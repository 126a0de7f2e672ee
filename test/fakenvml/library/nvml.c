/* A libnvidia-ml.so.1 without a GPU: it answers from a scenario file (see README.md).
 *
 * Every entry point has the same form: enter, answer from the scenario, leave. What concerns all calls alike
 * (locking, planned errors) is in enter and leave, so that further effects need one change. */
#include "nvml_abi.h"
#include "scenario.h"

#include <pthread.h>
#include <string.h>

enum { MAX_GPUS = 64 };

/* Handles are addresses in this array; NVML hands out pointers to nothing that callers may look into either. */
struct nvmlDevice_st {
    char unused;
};
static struct nvmlDevice_st devices[MAX_GPUS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int initialized; /* nvmlInit nests */

static unsigned int index_of(nvmlDevice_t device) { return (unsigned int)(device - devices); }

static unsigned int gpu_count(void) {
    unsigned long long count = 0;
    scenario_number(&count, "gpu.count");
    return count < MAX_GPUS ? (unsigned int)count : MAX_GPUS;
}

/* The planned error of a call, NVML_SUCCESS where none is planned. */
static nvmlReturn_t planned(const char *feature) {
    unsigned long long code = NVML_SUCCESS;
    scenario_number(&code, "%s.error", feature);
    return (nvmlReturn_t)code;
}

static nvmlReturn_t planned_for(unsigned int index, const char *feature) {
    unsigned long long code = NVML_SUCCESS;
    scenario_number(&code, "gpu.%u.%s.error", index, feature);
    return (nvmlReturn_t)code;
}

/* Begins a call. The lock is held until leave, whatever the result. */
static nvmlReturn_t enter(const char *feature) {
    pthread_mutex_lock(&lock);
    scenario_refresh();
    if (initialized == 0) return NVML_ERROR_UNINITIALIZED;
    return planned(feature);
}

static nvmlReturn_t enter_device(nvmlDevice_t device, const char *feature) {
    pthread_mutex_lock(&lock);
    scenario_refresh();
    if (initialized == 0) return NVML_ERROR_UNINITIALIZED;
    if (device < devices || device >= devices + gpu_count()) return NVML_ERROR_INVALID_ARGUMENT;
    return planned_for(index_of(device), feature);
}

static nvmlReturn_t leave(nvmlReturn_t result) {
    pthread_mutex_unlock(&lock);
    return result;
}

/* A value that the scenario does not have is one that the GPU does not support. */
static nvmlReturn_t number(nvmlDevice_t device, const char *key, unsigned long long *result) {
    return scenario_number(result, "gpu.%u.%s", index_of(device), key) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static nvmlReturn_t text(nvmlDevice_t device, const char *key, char *result, unsigned int size) {
    char value[256];
    if (!scenario_text(value, sizeof value, "gpu.%u.%s", index_of(device), key)) return NVML_ERROR_NOT_SUPPORTED;
    if (strlen(value) >= size) return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(result, value);
    return NVML_SUCCESS;
}

/* ---- library ---- */

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    pthread_mutex_lock(&lock);
    if (!scenario_refresh()) return leave(NVML_ERROR_DRIVER_NOT_LOADED);
    nvmlReturn_t result = planned("init");
    if (result == NVML_SUCCESS) initialized++;
    return leave(result);
}

nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

nvmlReturn_t nvmlShutdown(void) {
    nvmlReturn_t result = enter("shutdown");
    if (result == NVML_SUCCESS) initialized--;
    return leave(result);
}

const char *nvmlErrorString(nvmlReturn_t result) {
    return result == NVML_SUCCESS ? "Success" : "Planned by the scenario";
}

/* ---- host ---- */

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    nvmlReturn_t result = enter("driver");
    if (result == NVML_SUCCESS && !scenario_text(version, length, "driver.version")) result = NVML_ERROR_UNKNOWN;
    return leave(result);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
    nvmlReturn_t result = enter("cuda");
    unsigned long long value = 0;
    if (result == NVML_SUCCESS && !scenario_number(&value, "cuda.version")) result = NVML_ERROR_UNKNOWN;
    if (result == NVML_SUCCESS) *version = (int)value;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    nvmlReturn_t result = enter("count");
    if (result == NVML_SUCCESS) *count = gpu_count();
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    nvmlReturn_t result = enter("handle");
    if (result == NVML_SUCCESS && index >= gpu_count()) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = planned_for(index, "handle");
    if (result == NVML_SUCCESS) *device = &devices[index];
    return leave(result);
}

/* ---- identity of a GPU ---- */

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index) {
    nvmlReturn_t result = enter_device(device, "index");
    if (result == NVML_SUCCESS) *index = index_of(device);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
    nvmlReturn_t result = enter_device(device, "uuid");
    if (result == NVML_SUCCESS) result = text(device, "uuid", uuid, length);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    nvmlReturn_t result = enter_device(device, "name");
    if (result == NVML_SUCCESS) result = text(device, "name", name, length);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length) {
    nvmlReturn_t result = enter_device(device, "serial");
    if (result == NVML_SUCCESS) result = text(device, "serial", serial, length);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    nvmlReturn_t result = enter_device(device, "pci");
    memset(pci, 0, sizeof *pci);
    if (result == NVML_SUCCESS) result = text(device, "pci.bus_id", pci->busId, sizeof pci->busId);
    return leave(result);
}

/* ---- readings of a GPU ---- */

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    nvmlReturn_t result = enter_device(device, "memory");
    if (result == NVML_SUCCESS && memory->version != NVML_STRUCT_VERSION(nvmlMemory_v2_t, 2)) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS) result = number(device, "memory.total", &memory->total);
    if (result == NVML_SUCCESS) result = number(device, "memory.used", &memory->used);
    if (result == NVML_SUCCESS) {
        memory->reserved = 0;
        scenario_number(&memory->reserved, "gpu.%u.memory.reserved", index_of(device));
        memory->free = memory->total - memory->reserved - memory->used;
    }
    return leave(result);
}

/* The first version counts the reserved memory as used. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    nvmlReturn_t result = enter_device(device, "memory");
    unsigned long long reserved = 0;
    if (result == NVML_SUCCESS) result = number(device, "memory.total", &memory->total);
    if (result == NVML_SUCCESS) result = number(device, "memory.used", &memory->used);
    if (result == NVML_SUCCESS) {
        scenario_number(&reserved, "gpu.%u.memory.reserved", index_of(device));
        memory->used += reserved;
        memory->free = memory->total - memory->used;
    }
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization) {
    nvmlReturn_t result = enter_device(device, "utilization");
    unsigned long long gpu = 0, memory = 0;
    if (result == NVML_SUCCESS) result = number(device, "utilization.gpu", &gpu);
    if (result == NVML_SUCCESS) {
        scenario_number(&memory, "gpu.%u.utilization.memory", index_of(device));
        utilization->gpu = (unsigned int)gpu;
        utilization->memory = (unsigned int)memory;
    }
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *temperature) {
    nvmlReturn_t result = enter_device(device, "temperature");
    unsigned long long celsius = 0;
    if (result == NVML_SUCCESS && temperature->version != NVML_STRUCT_VERSION(nvmlTemperature_t, 1)) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS) result = number(device, "temperature", &celsius);
    if (result == NVML_SUCCESS) temperature->temperature = (int)celsius;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned int sensor, unsigned int *temperature) {
    nvmlReturn_t result = enter_device(device, "temperature");
    unsigned long long celsius = 0;
    if (result == NVML_SUCCESS && sensor != 0) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = number(device, "temperature", &celsius);
    if (result == NVML_SUCCESS) *temperature = (unsigned int)celsius;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts) {
    nvmlReturn_t result = enter_device(device, "power");
    unsigned long long value = 0;
    if (result == NVML_SUCCESS) result = number(device, "power", &value);
    if (result == NVML_SUCCESS) *milliwatts = (unsigned int)value;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *millijoules) {
    nvmlReturn_t result = enter_device(device, "energy");
    if (result == NVML_SUCCESS) result = number(device, "energy", millijoules);
    return leave(result);
}
