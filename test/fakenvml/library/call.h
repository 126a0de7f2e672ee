/* What all calls have in common. Every entry point has the same form: enter, answer from the scenario, leave. Locking
 * and planned latencies, hangs and errors are here, so that a further effect needs one change. */
#ifndef FAKENVML_CALL_H
#define FAKENVML_CALL_H

#include "devices.h"
#include "nvml_abi.h"

#pragma GCC visibility push(hidden)

/* Versioned structures carry their size and version in their first field. */
#define STRUCT_VERSION(type, version) ((unsigned int)sizeof(type) | ((unsigned int)(version) << 24))

struct call {
    const char *function;
    struct place place;
    /* Begins the keys of what the call is about: gpu.N or gpu.N.mig.M; empty for calls about the host. */
    char prefix[32];
};

/* Begin a call and return its planned error: about the host, the GPU at an index, a GPU or MIG device, or a GPU. The
 * feature names the error key that functions share. The lock is held until leave, whatever the result. */
nvmlReturn_t enter(struct call *call, const char *function, const char *feature);
nvmlReturn_t enter_index(struct call *call, const char *function, unsigned int index, const char *feature);
nvmlReturn_t enter_device(struct call *call, const char *function, nvmlDevice_t device, const char *feature);
nvmlReturn_t enter_gpu(struct call *call, const char *function, nvmlDevice_t device, const char *feature);
nvmlReturn_t leave(nvmlReturn_t result);

/* Begin and end the calls that open and close NVML; begin_opening says whether there is a driver. */
nvmlReturn_t begin_opening(struct call *call, const char *function);
void count_opening(int difference);

/* Lets other calls go on for a while within a call about the host, and returns what its enter would now. */
nvmlReturn_t suspend(struct call *call, const char *feature, unsigned long long duration_us);

/* Makes a call about the host one about a GPU or MIG device. */
void set_place(struct call *call, const struct place *place);

/* The planned error of a feature or a value, NVML_SUCCESS where none is planned. */
nvmlReturn_t planned(const struct call *call, const char *name);
int is_lost(unsigned int gpu);

/* Read a value of what the call is about; its key is given printf style, without the prefix. A value with a planned
 * error answers that, and one that the scenario does not have is NVML_ERROR_NOT_SUPPORTED. */
nvmlReturn_t number(const struct call *call, unsigned long long *result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
nvmlReturn_t small_number(const struct call *call, unsigned int *result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
nvmlReturn_t decimal(const struct call *call, double *result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
nvmlReturn_t text(const struct call *call, const char **result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Copies a text into a buffer of the caller. */
nvmlReturn_t copy_text(const struct call *call, const char *key, char *result, unsigned int size);

#pragma GCC visibility pop

#endif
