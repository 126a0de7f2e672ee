/* GPU performance monitoring: metrics over the time between two samples. */
#include "call.h"
#include "moment.h"
#include "nvml_abi.h"
#include "scenario.h"

#include <stdlib.h>

enum { SHORTEST_INTERVAL_US = 1000 };

struct nvmlGpmSample_st {
    struct nvmlGpmSample_st *next;
    int taken;
    /* A sample of a GPU instance has the first of its MIG devices. */
    struct place place;
    unsigned long long time;
};

/* All that were handed out and not freed. */
static struct nvmlGpmSample_st *samples;

static struct nvmlGpmSample_st **find(nvmlGpmSample_t sample) {
    for (struct nvmlGpmSample_st **link = &samples; *link != NULL; link = &(*link)->next) {
        if (*link == sample.handle) return link;
    }
    return NULL;
}

/* MIG devices have what their GPU has. */
nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *support) {
    struct call call;
    unsigned long long supported;
    nvmlReturn_t result = enter_device(&call, __func__, device, "gpm.support");
    if (result == NVML_SUCCESS && support->version != NVML_GPM_SUPPORT_VERSION) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS && !scenario_number(&supported, "gpu.%u.gpm.supported", call.place.gpu)) {
        result = NVML_ERROR_NOT_SUPPORTED;
    }
    if (result == NVML_SUCCESS) support->isSupportedDevice = supported != 0;
    return leave(result);
}

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *sample) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "gpm.alloc");
    if (result == NVML_SUCCESS) {
        sample->handle = calloc(1, sizeof *sample->handle);
        if (sample->handle == NULL) abort();
        sample->handle->next = samples;
        samples = sample->handle;
    }
    return leave(result);
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "gpm.free");
    struct nvmlGpmSample_st **link = find(sample);
    if (result == NVML_SUCCESS && link == NULL) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) {
        *link = sample.handle->next;
        free(sample.handle);
    }
    return leave(result);
}

static nvmlReturn_t take(nvmlGpmSample_t sample, struct place place) {
    unsigned long long supported = 0;
    scenario_number(&supported, "gpu.%u.gpm.supported", place.gpu);
    if (supported == 0) return NVML_ERROR_NOT_SUPPORTED;
    if (find(sample) == NULL) return NVML_ERROR_INVALID_ARGUMENT;
    sample.handle->taken = 1;
    sample.handle->place = place;
    sample.handle->time = steady_us();
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample) {
    struct call call;
    nvmlReturn_t result = enter_device(&call, __func__, device, "gpm");
    if (result == NVML_SUCCESS) result = take(sample, call.place);
    return leave(result);
}

/* The first MIG device of a GPU instance, NO_MIG_DEVICE where there is none. */
static int mig_device_in(unsigned int gpu, unsigned int gpu_instance) {
    for (int mig = 0; mig < MAX_MIG_DEVICES; mig++) {
        unsigned long long id;
        if (!mig_exists(gpu, mig) || !scenario_number(&id, "gpu.%u.mig.%d.gi", gpu, mig)) continue;
        if (id == gpu_instance) return mig;
    }
    return NO_MIG_DEVICE;
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int gpu_instance, nvmlGpmSample_t sample) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "gpm");
    if (result == NVML_SUCCESS) {
        struct place place = {call.place.gpu, mig_device_in(call.place.gpu, gpu_instance)};
        result = place.mig == NO_MIG_DEVICE ? NVML_ERROR_INVALID_ARGUMENT : take(sample, place);
    }
    return leave(result);
}

static int are_comparable(nvmlGpmSample_t earlier, nvmlGpmSample_t later) {
    if (find(earlier) == NULL || find(later) == NULL) return 0;
    return earlier.handle->taken && later.handle->taken && earlier.handle->place.gpu == later.handle->place.gpu &&
           earlier.handle->place.mig == later.handle->place.mig &&
           later.handle->time >= earlier.handle->time + SHORTEST_INTERVAL_US;
}

/* The call says only by its samples which GPU it is about; from there on it is a call about that. */
nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *question) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "gpm.metrics");
    if (result == NVML_SUCCESS && question->version != NVML_GPM_METRICS_GET_VERSION) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS &&
        (question->numMetrics > NVML_GPM_METRIC_MAX || !are_comparable(question->sample1, question->sample2))) {
        result = NVML_ERROR_INVALID_ARGUMENT;
    }
    if (result != NVML_SUCCESS) return leave(result);

    set_place(&call, &question->sample1.handle->place);
    if (is_lost(call.place.gpu)) return leave(NVML_ERROR_GPU_IS_LOST);
    for (unsigned int i = 0; i < question->numMetrics; i++) {
        nvmlGpmMetric_t *metric = &question->metrics[i];
        metric->nvmlReturn = decimal(&call, &metric->value, "gpm.%u", metric->metricId);
    }
    return leave(NVML_SUCCESS);
}
