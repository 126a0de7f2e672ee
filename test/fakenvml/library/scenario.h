/* The scenario: a text file of "key = value" lines, named by FAKE_NVML_SCENARIO and read again whenever it changed. */
#ifndef FAKENVML_SCENARIO_H
#define FAKENVML_SCENARIO_H

/* Hidden: clients load the library with RTLD_GLOBAL, and only NVML's own names may show in the process. */
#pragma GCC visibility push(hidden)

/* Makes the current file the scenario. Returns 0 when there is no file to read. */
int scenario_refresh(void);

/* Looks a key up, printf style. Returns 0 and leaves the result alone where the scenario does not have the key.
 * Text is cut to the size of the buffer. */
int scenario_number(unsigned long long *result, const char *key, ...) __attribute__((format(printf, 2, 3)));
int scenario_text(char *result, unsigned int size, const char *key, ...) __attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop

#endif
