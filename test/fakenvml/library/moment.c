#include "moment.h"

#include <errno.h>
#include <time.h>

static unsigned long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (unsigned long long)time.tv_sec * 1000000 + (unsigned long long)time.tv_nsec / 1000;
}

unsigned long long wall_us(void) { return now(CLOCK_REALTIME); }

unsigned long long steady_us(void) { return now(CLOCK_MONOTONIC); }

/* The Go runtime sends signals to threads in C, so an interrupted sleep has to go on. */
void sleep_us(unsigned long long duration) {
    unsigned long long end = steady_us() + duration;
    struct timespec until = {.tv_sec = (time_t)(end / 1000000), .tv_nsec = (long)(end % 1000000 * 1000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}
