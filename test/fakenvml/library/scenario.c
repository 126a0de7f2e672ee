#include "scenario.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_SIZE = 128, VALUE_SIZE = 256 };

struct entry {
    char key[KEY_SIZE];
    char value[VALUE_SIZE];
};

/* Guarded by the lock that every entry point of the library holds (see enter in nvml.c). */
static struct entry *entries;
static size_t entry_count;
static struct stat loaded;

static char *trim(char *text) {
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) end--;
    *end = '\0';
    return text;
}

static void forget(void) {
    free(entries);
    entries = NULL;
    entry_count = 0;
    memset(&loaded, 0, sizeof loaded);
}

/* A line that is not "key = value" would make a test mean something else than it says, so it ends the process. */
static void malformed(const char *path, int number, const char *what) {
    fprintf(stderr, "fakenvml: %s:%d: %s\n", path, number, what);
    abort();
}

static void load(FILE *file, const char *path) {
    char line[KEY_SIZE + VALUE_SIZE + 16];
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        char *text = trim(line);
        if (*text == '\0' || *text == '#') continue;
        char *equals = strchr(text, '=');
        if (equals == NULL) malformed(path, number, "want key = value");
        *equals = '\0';
        char *key = trim(text), *value = trim(equals + 1);
        if (strlen(key) >= KEY_SIZE || strlen(value) >= VALUE_SIZE) malformed(path, number, "line too long");

        struct entry *grown = realloc(entries, (entry_count + 1) * sizeof *entries);
        if (grown == NULL) abort();
        entries = grown;
        strcpy(entries[entry_count].key, key);
        strcpy(entries[entry_count].value, value);
        entry_count++;
    }
}

int scenario_refresh(void) {
    const char *path = getenv("FAKE_NVML_SCENARIO");
    struct stat now;
    if (path == NULL || stat(path, &now) != 0) {
        forget();
        return 0;
    }
    if (loaded.st_ino == now.st_ino && loaded.st_size == now.st_size &&
        loaded.st_mtim.tv_sec == now.st_mtim.tv_sec && loaded.st_mtim.tv_nsec == now.st_mtim.tv_nsec) {
        return 1;
    }
    forget();
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    load(file, path);
    fclose(file);
    loaded = now;
    return 1;
}

/* The last of several lines with the same key wins, so a scenario can be changed by appending to it. */
static const char *find(const char *format, va_list arguments) {
    char key[KEY_SIZE];
    vsnprintf(key, sizeof key, format, arguments);
    for (size_t i = entry_count; i > 0; i--) {
        if (strcmp(entries[i - 1].key, key) == 0) return entries[i - 1].value;
    }
    return NULL;
}

int scenario_number(unsigned long long *result, const char *key, ...) {
    va_list arguments;
    va_start(arguments, key);
    const char *value = find(key, arguments);
    va_end(arguments);
    if (value == NULL) return 0;
    *result = strtoull(value, NULL, 0);
    return 1;
}

int scenario_text(char *result, unsigned int size, const char *key, ...) {
    va_list arguments;
    va_start(arguments, key);
    const char *value = find(key, arguments);
    va_end(arguments);
    if (value == NULL) return 0;
    snprintf(result, size, "%s", value);
    return 1;
}
