/* Time in microseconds. */
#ifndef FAKENVML_MOMENT_H
#define FAKENVML_MOMENT_H

#pragma GCC visibility push(hidden)

/* Since 1970. */
unsigned long long wall_us(void);
/* Since some moment in the past; never goes back. */
unsigned long long steady_us(void);
void sleep_us(unsigned long long duration);

#pragma GCC visibility pop

#endif
