#include "devices.h"

#include "list.h"
#include "scenario.h"

#include <stddef.h>
#include <stdint.h>

/* A GPU and its MIG devices are one row. Handles are addresses in it; nobody looks into them. */
struct nvmlDevice_st {
    char unused;
};
static struct nvmlDevice_st devices[MAX_GPUS][1 + MAX_MIG_DEVICES];

static unsigned int order[MAX_GPUS];
static unsigned int order_count;

nvmlDevice_t handle_of(unsigned int gpu, int mig) { return (nvmlDevice_t){&devices[gpu][1 + mig]}; }

int place_of(nvmlDevice_t device, struct place *place) {
    uintptr_t offset = (uintptr_t)device.handle - (uintptr_t)devices;
    if (offset >= sizeof devices) return 0;
    place->gpu = (unsigned int)(offset / sizeof devices[0]);
    place->mig = (int)(offset % sizeof devices[0]) - 1;
    return 1;
}

static void append(unsigned long long gpu) {
    if (gpu >= MAX_GPUS || order_count == MAX_GPUS) scenario_reject("gpu.count or gpu.order", "at most 64 GPUs");
    order[order_count++] = (unsigned int)gpu;
}

void read_order(void) {
    const char *text;
    unsigned long long number, count = 0;
    order_count = 0;
    if (scenario_text(&text, "gpu.order")) {
        while (list_next(&text, &number, 1) > 0) append(number);
        return;
    }
    scenario_number(&count, "gpu.count");
    for (unsigned long long gpu = 0; gpu < count; gpu++) append(gpu);
}

unsigned int gpu_count(void) { return order_count; }

unsigned int gpu_at(unsigned int index) { return order[index]; }

int index_of(unsigned int gpu) {
    for (unsigned int i = 0; i < order_count; i++) {
        if (order[i] == gpu) return (int)i;
    }
    return -1;
}

int mig_enabled(unsigned int gpu) {
    unsigned long long enabled = 0, most;
    scenario_number(&enabled, "gpu.%u.mig.enabled", gpu);
    return enabled != 0 && scenario_number(&most, "gpu.%u.mig.max", gpu);
}

int mig_exists(unsigned int gpu, int mig) {
    const char *uuid;
    return mig_enabled(gpu) && scenario_text(&uuid, "gpu.%u.mig.%d.uuid", gpu, mig);
}
