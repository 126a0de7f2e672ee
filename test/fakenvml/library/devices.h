/* Which GPUs and MIG devices there are, and their handles. */
#ifndef FAKENVML_DEVICES_H
#define FAKENVML_DEVICES_H

#include "nvml_abi.h"

#pragma GCC visibility push(hidden)

enum { MAX_GPUS = 64, MAX_MIG_DEVICES = 16, NO_MIG_DEVICE = -1 };

/* A GPU by its number in the keys of the scenario, or a MIG device of it. */
struct place {
    unsigned int gpu;
    int mig;
};

/* A handle stays the same for as long as the process runs, whatever becomes of what it stands for. */
nvmlDevice_t handle_of(unsigned int gpu, int mig);
/* Returns 0 for what handle_of never returned. */
int place_of(nvmlDevice_t device, struct place *place);

/* The GPUs of the current scenario. */
void read_order(void);
unsigned int gpu_count(void);
unsigned int gpu_at(unsigned int index);
/* The index of a GPU, -1 where it is not among those of the host. */
int index_of(unsigned int gpu);

int mig_enabled(unsigned int gpu);
int mig_exists(unsigned int gpu, int mig);

#pragma GCC visibility pop

#endif
