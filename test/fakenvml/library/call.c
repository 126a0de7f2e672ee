#include "call.h"

#include "events.h"
#include "moment.h"
#include "scenario.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HANG_POLL_US = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int opened; /* nvmlInit nests */
static unsigned int seen_version;

/* What is kept of the scenario besides its keys follows it here. Returns 0 where there is none. */
static int refresh(void) {
    int present = scenario_refresh();
    if (seen_version != scenario_version()) {
        seen_version = scenario_version();
        read_order();
        if (present) queue_events();
    }
    return present;
}

static void unlocked_sleep(unsigned long long duration_us) {
    pthread_mutex_unlock(&lock);
    sleep_us(duration_us);
    pthread_mutex_lock(&lock);
    refresh();
}

/* An effect that is planned for a function: what the call is about has precedence over all calls of the function. */
static unsigned long long effect(const struct call *call, enum scenario_word word, const char *name) {
    unsigned long long value = 0;
    if (!scenario_has(word)) return 0;
    scenario_number(&value, "%s.%s", name, call->function);
    if (call->prefix[0] != '\0') scenario_number(&value, "%s.%s.%s", call->prefix, name, call->function);
    return value;
}

/* Takes the time that is planned for the call. A hanging call leaves the lock to others; a slow one does so unless
 * calls are serialized, as a driver does it. */
static void spend_time(const struct call *call) {
    while (effect(call, WORD_HANG, "hang") != 0) unlocked_sleep(HANG_POLL_US);

    unsigned long long duration = effect(call, WORD_LATENCY, "latency"), serialize = 0;
    if (duration == 0) return;
    scenario_number(&serialize, "serialize");
    if (serialize != 0) {
        sleep_us(duration);
    } else {
        unlocked_sleep(duration);
    }
}

void set_place(struct call *call, const struct place *place) {
    call->place = *place;
    if (place->mig == NO_MIG_DEVICE) {
        snprintf(call->prefix, sizeof call->prefix, "gpu.%u", place->gpu);
    } else {
        snprintf(call->prefix, sizeof call->prefix, "gpu.%u.mig.%d", place->gpu, place->mig);
    }
}

/* Begins every call; place is NULL for one about the host. */
static void begin(struct call *call, const char *function, const struct place *place) {
    memset(call, 0, sizeof *call);
    call->function = function;
    if (place != NULL) set_place(call, place);
    spend_time(call);
}

nvmlReturn_t planned(const struct call *call, const char *name) {
    unsigned long long code = NVML_SUCCESS;
    if (!scenario_has(WORD_ERROR)) return NVML_SUCCESS;
    scenario_number(&code, "%s.error", name);
    if (call->prefix[0] != '\0') scenario_number(&code, "%s.%s.error", call->prefix, name);
    return (nvmlReturn_t)code;
}

static nvmlReturn_t planned_for_call(const struct call *call, const char *feature) {
    unsigned long long code = effect(call, WORD_ERROR, "error");
    return code != NVML_SUCCESS ? (nvmlReturn_t)code : planned(call, feature);
}

int is_lost(unsigned int gpu) {
    unsigned long long lost = 0;
    if (index_of(gpu) < 0) return 1;
    if (scenario_has(WORD_LOST)) scenario_number(&lost, "gpu.%u.lost", gpu);
    return lost != 0;
}

nvmlReturn_t enter(struct call *call, const char *function, const char *feature) {
    pthread_mutex_lock(&lock);
    refresh();
    begin(call, function, NULL);
    if (opened == 0) return NVML_ERROR_UNINITIALIZED;
    return planned_for_call(call, feature);
}

nvmlReturn_t enter_index(struct call *call, const char *function, unsigned int index, const char *feature) {
    pthread_mutex_lock(&lock);
    refresh();
    int known = index < gpu_count();
    struct place place = {known ? gpu_at(index) : 0, NO_MIG_DEVICE};
    begin(call, function, known ? &place : NULL);
    if (opened == 0) return NVML_ERROR_UNINITIALIZED;
    if (known && is_lost(place.gpu)) return NVML_ERROR_GPU_IS_LOST;
    nvmlReturn_t result = planned_for_call(call, feature);
    return result == NVML_SUCCESS && !known ? NVML_ERROR_INVALID_ARGUMENT : result;
}

nvmlReturn_t enter_device(struct call *call, const char *function, nvmlDevice_t device, const char *feature) {
    struct place place;
    int known = place_of(device, &place);
    pthread_mutex_lock(&lock);
    refresh();
    begin(call, function, known ? &place : NULL);
    if (opened == 0) return NVML_ERROR_UNINITIALIZED;
    if (!known) return NVML_ERROR_INVALID_ARGUMENT;
    if (is_lost(place.gpu)) return NVML_ERROR_GPU_IS_LOST;
    if (place.mig != NO_MIG_DEVICE && !mig_exists(place.gpu, place.mig)) return NVML_ERROR_INVALID_ARGUMENT;
    return planned_for_call(call, feature);
}

nvmlReturn_t enter_gpu(struct call *call, const char *function, nvmlDevice_t device, const char *feature) {
    nvmlReturn_t result = enter_device(call, function, device, feature);
    if (result == NVML_SUCCESS && call->place.mig != NO_MIG_DEVICE) return NVML_ERROR_INVALID_ARGUMENT;
    return result;
}

nvmlReturn_t leave(nvmlReturn_t result) {
    pthread_mutex_unlock(&lock);
    return result;
}

nvmlReturn_t begin_opening(struct call *call, const char *function) {
    pthread_mutex_lock(&lock);
    refresh();
    begin(call, function, NULL);
    if (!refresh()) return NVML_ERROR_DRIVER_NOT_LOADED;
    return planned_for_call(call, "init");
}

void count_opening(int difference) { opened += difference; }

nvmlReturn_t suspend(struct call *call, const char *feature, unsigned long long duration_us) {
    unlocked_sleep(duration_us);
    if (opened == 0) return NVML_ERROR_UNINITIALIZED;
    return planned_for_call(call, feature);
}

/* Writes the key of a value and returns its planned error. */
static nvmlReturn_t locate(const struct call *call, char key[KEY_SIZE], const char *format, va_list arguments) {
    vsnprintf(key, KEY_SIZE, format, arguments);
    return planned(call, key);
}

nvmlReturn_t number(const struct call *call, unsigned long long *result, const char *format, ...) {
    char key[KEY_SIZE];
    va_list arguments;
    va_start(arguments, format);
    nvmlReturn_t code = locate(call, key, format, arguments);
    va_end(arguments);
    if (code != NVML_SUCCESS) return code;
    return scenario_number(result, "%s.%s", call->prefix, key) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t small_number(const struct call *call, unsigned int *result, const char *format, ...) {
    char key[KEY_SIZE];
    unsigned long long value;
    va_list arguments;
    va_start(arguments, format);
    nvmlReturn_t code = locate(call, key, format, arguments);
    va_end(arguments);
    if (code != NVML_SUCCESS) return code;
    if (!scenario_number(&value, "%s.%s", call->prefix, key)) return NVML_ERROR_NOT_SUPPORTED;
    *result = (unsigned int)value;
    return NVML_SUCCESS;
}

nvmlReturn_t decimal(const struct call *call, double *result, const char *format, ...) {
    char key[KEY_SIZE];
    va_list arguments;
    va_start(arguments, format);
    nvmlReturn_t code = locate(call, key, format, arguments);
    va_end(arguments);
    if (code != NVML_SUCCESS) return code;
    return scenario_decimal(result, "%s.%s", call->prefix, key) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t text(const struct call *call, const char **result, const char *format, ...) {
    char key[KEY_SIZE];
    va_list arguments;
    va_start(arguments, format);
    nvmlReturn_t code = locate(call, key, format, arguments);
    va_end(arguments);
    if (code != NVML_SUCCESS) return code;
    return scenario_text(result, "%s.%s", call->prefix, key) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t copy_text(const struct call *call, const char *key, char *result, unsigned int size) {
    const char *value;
    nvmlReturn_t code = text(call, &value, "%s", key);
    if (code != NVML_SUCCESS) return code;
    if (strlen(value) >= size) return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(result, value);
    return NVML_SUCCESS;
}
