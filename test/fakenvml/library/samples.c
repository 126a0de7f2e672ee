/* The driver's history of samples. */
#include "call.h"
#include "list.h"
#include "moment.h"
#include "nvml_abi.h"
#include "scenario.h"

#include <stdio.h>
#include <string.h>

/* The samples that are newer than what the caller has seen go to its buffer, for as long as there is room. */
struct answer {
    unsigned long long last_seen;
    nvmlSample_t *samples;
    unsigned int room;
    unsigned int count;
};

static void add(struct answer *answer, unsigned long long timestamp, unsigned long long value) {
    if (timestamp <= answer->last_seen) return;
    if (answer->samples != NULL) {
        if (answer->count == answer->room) return;
        answer->samples[answer->count].timeStamp = timestamp;
        answer->samples[answer->count].sampleValue.uiVal = (unsigned int)value;
    }
    answer->count++;
}

static unsigned int length_of(const char *list) {
    unsigned long long value;
    unsigned int length = 0;
    while (list_next(&list, &value, 1) > 0) length++;
    return length;
}

/* "every <period> keep <count> values v1,v2,…": sample k ends at k periods after 1970 and has the value k mod n. */
static void add_periodic(struct answer *answer, const char *text) {
    unsigned long long period = 0, keep = 0, value;
    int values_at = 0;
    sscanf(text, "every %llu keep %llu values %n", &period, &keep, &values_at);
    const char *values = text + values_at;
    unsigned int length = values_at == 0 ? 0 : length_of(values);
    if (period == 0 || length == 0) scenario_reject(text, "every <period> keep <count> values <v>,<v>…");

    unsigned long long newest = wall_us() / period, k = newest >= keep ? newest - keep + 1 : 0;
    const char *cursor = values;
    for (unsigned long long skipped = k % length; skipped > 0; skipped--) list_next(&cursor, &value, 1);
    for (; k <= newest; k++) {
        if (list_next(&cursor, &value, 1) == 0) {
            cursor = values;
            list_next(&cursor, &value, 1);
        }
        add(answer, k * period, value);
    }
}

/* "at t1=v1,t2=v2,…" */
static void add_listed(struct answer *answer, const char *text) {
    const char *cursor = text + strlen("at ");
    unsigned long long pair[2];
    for (int numbers; (numbers = list_next(&cursor, pair, 2)) != 0;) {
        if (numbers != 2) scenario_reject(text, "at <time>=<value>,…");
        add(answer, pair[0], pair[1]);
    }
}

nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, nvmlSamplingType_t type, unsigned long long last_seen,
                                  nvmlValueType_t *value_type, unsigned int *count, nvmlSample_t *samples) {
    static const char *const names[] = {NULL, "gpu", "memory", "encoder", "decoder"};
    struct call call;
    const char *history;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "samples");
    if (result == NVML_SUCCESS && samples != NULL && *count == 0) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS && (type < NVML_GPU_UTILIZATION_SAMPLES || type > NVML_DEC_UTILIZATION_SAMPLES ||
                                   mig_enabled(call.place.gpu))) {
        result = NVML_ERROR_NOT_SUPPORTED;
    }
    if (result == NVML_SUCCESS) result = text(&call, &history, "samples.%s", names[type]);
    if (result == NVML_SUCCESS) {
        struct answer answer = {last_seen, samples, samples == NULL ? 0 : *count, 0};
        if (strncmp(history, "at ", strlen("at ")) == 0) {
            add_listed(&answer, history);
        } else {
            add_periodic(&answer, history);
        }
        if (answer.count == 0) result = NVML_ERROR_NOT_FOUND;
        *value_type = NVML_VALUE_TYPE_UNSIGNED_INT;
        *count = answer.count;
    }
    return leave(result);
}
