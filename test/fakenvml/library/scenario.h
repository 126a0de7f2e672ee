/* The scenario: a text file of "key = value" lines, named by FAKE_NVML_SCENARIO and read again whenever it changed.
 * Its state is guarded by the lock of call.c. */
#ifndef FAKENVML_SCENARIO_H
#define FAKENVML_SCENARIO_H

/* Hidden: clients load the library with RTLD_GLOBAL, and only NVML's own names may show in the process. */
#pragma GCC visibility push(hidden)

/* Longer keys cannot be asked for. */
enum { KEY_SIZE = 128 };

/* Makes the current file the scenario. Returns 0 when there is no file to read. */
int scenario_refresh(void);

/* Counts the files read so far, and their disappearances. */
unsigned int scenario_version(void);

/* Effects that most scenarios do not have: one look here saves several look-ups in every call. */
enum scenario_word { WORD_HANG, WORD_LATENCY, WORD_ERROR, WORD_LOST, WORD_COUNT };
/* Whether any key contains the word. */
int scenario_has(enum scenario_word word);

/* Look a key up, printf style, and return 0 and leave the result alone where the scenario does not have the key. Both
 * grow with time by the key's rate. A text is valid until the next refresh. */
int scenario_number(unsigned long long *result, const char *format, ...) __attribute__((format(printf, 2, 3)));
int scenario_decimal(double *result, const char *format, ...) __attribute__((format(printf, 2, 3)));
int scenario_text(const char **result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Calls visit with the rest of each key that begins with the prefix and its value, in no particular order. */
void scenario_each(const char *prefix, void (*visit)(const char *rest, const char *value));

/* Ends the process: a scenario that is not understood would make a test mean something else than it says. */
void scenario_reject(const char *text, const char *want) __attribute__((noreturn));

#pragma GCC visibility pop

#endif
