/* Processes on a GPU or MIG device. */
#include "call.h"
#include "list.h"
#include "moment.h"
#include "nvml_abi.h"
#include "scenario.h"

#include <stddef.h>

static unsigned int length_of(const char *list) {
    unsigned long long item[5];
    unsigned int length = 0;
    while (list_next(&list, item, 5) > 0) length++;
    return length;
}

/* Reads "pid:MiB[:gi:ci]" at the cursor. */
static int next_process(const char **cursor, nvmlProcessInfo_v2_t *process) {
    unsigned long long item[4] = {0, 0, LIST_NONE, LIST_NONE};
    int numbers = list_next(cursor, item, 4);
    if (numbers == 1) scenario_reject(*cursor, "<pid>:<MiB>[:<gi>:<ci>] before it");
    process->pid = (unsigned int)item[0];
    process->usedGpuMemory = item[1] == LIST_NONE ? LIST_NONE : item[1] << 20;
    process->gpuInstanceId = (unsigned int)item[2];
    process->computeInstanceId = (unsigned int)item[3];
    return numbers > 0;
}

/* Answers the first version of a call where first is not NULL, a later one otherwise. */
static nvmlReturn_t list_processes(const char *function, nvmlDevice_t device, const char *key, unsigned int *count,
                                   nvmlProcessInfo_v1_t *first, nvmlProcessInfo_v2_t *later) {
    struct call call;
    const char *list;
    nvmlReturn_t result = enter_device(&call, function, device, key);
    if (result == NVML_SUCCESS) result = text(&call, &list, "%s", key);
    if (result != NVML_SUCCESS) return leave(result);

    unsigned int room = *count;
    *count = length_of(list);
    if (*count > room) return leave(NVML_ERROR_INSUFFICIENT_SIZE);
    if (*count > 0 && first == NULL && later == NULL) return leave(NVML_ERROR_INVALID_ARGUMENT);
    nvmlProcessInfo_v2_t process;
    for (unsigned int i = 0; next_process(&list, &process); i++) {
        if (first != NULL) {
            first[i].pid = process.pid;
            first[i].usedGpuMemory = process.usedGpuMemory;
        } else {
            later[i] = process;
        }
    }
    return leave(NVML_SUCCESS);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device, unsigned int *count,
                                                  nvmlProcessInfo_v1_t *infos) {
    return list_processes(__func__, device, "processes", count, infos, NULL);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned int *count,
                                                     nvmlProcessInfo_v2_t *infos) {
    return list_processes(__func__, device, "processes", count, NULL, infos);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *count,
                                                     nvmlProcessInfo_t *infos) {
    return list_processes(__func__, device, "processes", count, NULL, infos);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device, unsigned int *count,
                                                   nvmlProcessInfo_v1_t *infos) {
    return list_processes(__func__, device, "processes.graphics", count, infos, NULL);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v2(nvmlDevice_t device, unsigned int *count,
                                                      nvmlProcessInfo_v2_t *infos) {
    return list_processes(__func__, device, "processes.graphics", count, NULL, infos);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int *count,
                                                      nvmlProcessInfo_t *infos) {
    return list_processes(__func__, device, "processes.graphics", count, NULL, infos);
}

static void write_utilization(const char *list, unsigned long long now, nvmlProcessUtilizationSample_t *samples) {
    unsigned long long item[5];
    for (int numbers; (numbers = list_next(&list, item, 5)) != 0; samples++) {
        if (numbers != 5) scenario_reject(list, "<pid>:<sm>:<memory>:<encoder>:<decoder> before it");
        samples->pid = (unsigned int)item[0];
        samples->timeStamp = now;
        samples->smUtil = (unsigned int)item[1];
        samples->memUtil = (unsigned int)item[2];
        samples->encUtil = (unsigned int)item[3];
        samples->decUtil = (unsigned int)item[4];
    }
}

/* With "grows", the call that fills the buffer says that it wrote one entry more than the call before announced. */
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples,
                                             unsigned int *count, unsigned long long last_seen) {
    struct call call;
    const char *list;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "process.utilization");
    if (result == NVML_SUCCESS && mig_enabled(call.place.gpu)) result = NVML_ERROR_NOT_SUPPORTED;
    if (result == NVML_SUCCESS) result = text(&call, &list, "process.utilization");
    if (result != NVML_SUCCESS) return leave(result);

    unsigned long long now = wall_us(), grows = 0;
    unsigned int room = samples == NULL ? 0 : *count;
    *count = length_of(list);
    if (*count == 0 || now <= last_seen) return leave(NVML_ERROR_NOT_FOUND);
    if (*count > room) return leave(NVML_ERROR_INSUFFICIENT_SIZE);
    write_utilization(list, now, samples);
    scenario_number(&grows, "%s.process.utilization.grows", call.prefix);
    if (grows != 0) (*count)++;
    return leave(NVML_SUCCESS);
}
