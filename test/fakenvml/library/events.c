/* Critical XID errors, and the sets of GPUs that are waited for. */
#include "events.h"

#include "call.h"
#include "list.h"
#include "moment.h"
#include "nvml_abi.h"
#include "scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_POLL_US = 2000 };

/* Equal events in a row. */
struct burst {
    unsigned long long sequence, left, gpu, xid, gpu_instance, compute_instance;
};

struct queue {
    struct burst *bursts;
    size_t count;
};

struct nvmlEventSet_st {
    struct nvmlEventSet_st *next;
    unsigned long long types[MAX_GPUS];
    struct queue queue;
};

/* All that were created and not freed. */
static struct nvmlEventSet_st *sets;

/* Greater than all sequence numbers that were seen; -1 before the first scenario, whose events are all past. */
static long long next_sequence = -1;

/* The events of the scenario that is being read. */
static struct queue fresh;

static void append(struct queue *queue, const struct burst *burst) {
    queue->bursts = realloc(queue->bursts, (queue->count + 1) * sizeof *queue->bursts);
    if (queue->bursts == NULL) abort();
    queue->bursts[queue->count++] = *burst;
}

static void drop_first(struct queue *queue) {
    queue->count--;
    memmove(queue->bursts, queue->bursts + 1, queue->count * sizeof *queue->bursts);
}

static void clear(struct queue *queue) {
    free(queue->bursts);
    memset(queue, 0, sizeof *queue);
}

/* Reads "event.<sequence> = count:gpu:xid[:gi:ci]". */
static void read_burst(const char *sequence, const char *value) {
    /* Other keys of events, like their errors. */
    if (!isdigit((unsigned char)*sequence)) return;
    unsigned long long item[5] = {0, 0, 0, LIST_NONE, LIST_NONE};
    const char *cursor = value;
    if (list_next(&cursor, item, 5) < 3) scenario_reject(value, "<count>:<gpu>:<xid>[:<gi>:<ci>]");
    struct burst burst = {strtoull(sequence, NULL, 10), item[0], item[1], item[2], item[3], item[4]};
    if (burst.gpu >= MAX_GPUS && burst.gpu != LIST_NONE) scenario_reject(value, "a GPU or none");
    append(&fresh, &burst);
}

static int by_sequence(const void *one, const void *other) {
    unsigned long long a = ((const struct burst *)one)->sequence, b = ((const struct burst *)other)->sequence;
    return (a > b) - (a < b);
}

/* An event that the driver does not attribute to a GPU goes to every set. */
static int is_for(const struct nvmlEventSet_st *set, const struct burst *burst) {
    if (burst->left == 0) return 0;
    return burst->gpu == LIST_NONE || (set->types[burst->gpu] & nvmlEventTypeXidCriticalError) != 0;
}

void queue_events(void) {
    int all_past = next_sequence < 0;
    if (all_past) next_sequence = 0;
    scenario_each("event.", read_burst);
    if (fresh.count > 0) qsort(fresh.bursts, fresh.count, sizeof *fresh.bursts, by_sequence);
    for (size_t i = 0; i < fresh.count; i++) {
        const struct burst *burst = &fresh.bursts[i];
        if (burst->sequence < (unsigned long long)next_sequence) continue;
        next_sequence = (long long)burst->sequence + 1;
        for (struct nvmlEventSet_st *set = sets; set != NULL && !all_past; set = set->next) {
            if (is_for(set, burst)) append(&set->queue, burst);
        }
    }
    clear(&fresh);
}

static struct nvmlEventSet_st **find(nvmlEventSet_t set) {
    for (struct nvmlEventSet_st **link = &sets; *link != NULL; link = &(*link)->next) {
        if (*link == set.handle) return link;
    }
    return NULL;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "event.create");
    if (result == NVML_SUCCESS) {
        set->handle = calloc(1, sizeof *set->handle);
        if (set->handle == NULL) abort();
        set->handle->next = sets;
        sets = set->handle;
    }
    return leave(result);
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    struct call call;
    nvmlReturn_t result = enter(&call, __func__, "event.free");
    struct nvmlEventSet_st **link = find(set);
    if (result == NVML_SUCCESS && link == NULL) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) {
        *link = set.handle->next;
        clear(&set.handle->queue);
        free(set.handle);
    }
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "events.supported");
    if (result == NVML_SUCCESS) result = number(&call, types, "events.supported");
    return leave(result);
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set) {
    struct call call;
    unsigned long long supported = 0;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "event.register");
    if (result == NVML_SUCCESS && (types == 0 || find(set) == NULL)) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = number(&call, &supported, "events.supported");
    if (result == NVML_SUCCESS && (types & ~supported) != 0) result = NVML_ERROR_NOT_SUPPORTED;
    if (result == NVML_SUCCESS) set.handle->types[call.place.gpu] |= types;
    return leave(result);
}

static void take_event(struct queue *queue, nvmlEventData_t *event) {
    struct burst *burst = &queue->bursts[0];
    memset(event, 0, sizeof *event);
    if (burst->gpu != LIST_NONE) event->device = handle_of((unsigned int)burst->gpu, NO_MIG_DEVICE);
    event->eventType = nvmlEventTypeXidCriticalError;
    event->eventData = burst->xid;
    event->gpuInstanceId = (unsigned int)burst->gpu_instance;
    event->computeInstanceId = (unsigned int)burst->compute_instance;
    if (--burst->left == 0) drop_first(queue);
}

static nvmlReturn_t wait_event(const char *function, nvmlEventSet_t set, nvmlEventData_t *event,
                               unsigned int timeout_ms) {
    unsigned long long end = steady_us() + timeout_ms * 1000ULL;
    struct call call;
    nvmlReturn_t result = enter(&call, function, "event");
    while (result == NVML_SUCCESS) {
        /* Looked up each time, since a set may be freed while it is waited for. */
        if (find(set) == NULL) return leave(NVML_ERROR_INVALID_ARGUMENT);
        if (set.handle->queue.count > 0) {
            take_event(&set.handle->queue, event);
            break;
        }
        unsigned long long now = steady_us();
        if (now >= end) return leave(NVML_ERROR_TIMEOUT);
        result = suspend(&call, "event", end - now < WAIT_POLL_US ? end - now : WAIT_POLL_US);
    }
    return leave(result);
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *event, unsigned int timeout_ms) {
    return wait_event(__func__, set, event, timeout_ms);
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *event, unsigned int timeout_ms) {
    return wait_event(__func__, set, event, timeout_ms);
}
