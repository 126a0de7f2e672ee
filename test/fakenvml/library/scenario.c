#include "scenario.h"

#include "moment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Key and value point into contents. */
struct entry {
    const char *key;
    const char *value;
    double rate;
};

/* A hash table with open addressing; capacity is a power of two and more than twice the number of keys. */
static struct entry *entries;
static size_t capacity;
static char *contents;

static int words[WORD_COUNT];
static unsigned int version;
static unsigned long long loaded_at;

/* The file that was read. It stays open, so that a file that replaces it cannot have the same inode number. */
static int file = -1;
static struct stat identity;

void scenario_reject(const char *text, const char *want) {
    fprintf(stderr, "fakenvml: %s: %s: want %s\n", getenv("FAKE_NVML_SCENARIO"), text, want);
    abort();
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) abort();
    return memory;
}

static char *trim(char *text) {
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) end--;
    *end = '\0';
    return text;
}

static double parse_decimal(const char *value) {
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != '\0') scenario_reject(value, "a number");
    return number;
}

/* The entry of the key, or the free one where it belongs. */
static struct entry *slot(const char *key) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *c = key; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    size_t i = hash & (capacity - 1);
    while (entries[i].key != NULL && strcmp(entries[i].key, key) != 0) i = (i + 1) & (capacity - 1);
    return &entries[i];
}

static void forget(void) {
    if (file < 0) return;
    close(file);
    file = -1;
    free(entries);
    entries = NULL;
    capacity = 0;
    free(contents);
    contents = NULL;
    memset(words, 0, sizeof words);
    version++;
}

static void read_contents(size_t size) {
    contents = allocate(size + 1, 1);
    size_t length = 0;
    while (length < size) {
        ssize_t count = read(file, contents + length, size - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += (size_t)count;
    }
}

/* The last of several lines with the same key wins, so a scenario can be changed by appending to it. */
static void read_line(char *line) {
    char *equals = strchr(line, '=');
    if (equals == NULL) scenario_reject(line, "key = value");
    *equals = '\0';
    char *key = trim(line);
    if (strlen(key) >= KEY_SIZE) scenario_reject(key, "a shorter key");
    struct entry *entry = slot(key);
    entry->key = key;
    entry->value = trim(equals + 1);
}

static void index_lines(void) {
    size_t lines = 1;
    for (const char *c = contents; *c != '\0'; c++) lines += *c == '\n';
    capacity = 4;
    while (capacity <= 2 * lines) capacity *= 2;
    entries = allocate(capacity, sizeof *entries);

    char *rest;
    for (char *line = strtok_r(contents, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        line = trim(line);
        if (*line != '\0' && *line != '#') read_line(line);
    }
}

static void index_words(void) {
    static const char *const names[WORD_COUNT] = {"hang", "latency", "error", "lost"};
    for (size_t i = 0; i < capacity; i++) {
        for (int word = 0; entries[i].key != NULL && word < WORD_COUNT; word++) {
            if (strstr(entries[i].key, names[word]) != NULL) words[word] = 1;
        }
    }
}

static void index_rates(void) {
    static const char suffix[] = ".rate";
    for (size_t i = 0; i < capacity; i++) {
        const char *key = entries[i].key;
        size_t length = key == NULL ? 0 : strlen(key);
        if (length < sizeof suffix || strcmp(key + length - (sizeof suffix - 1), suffix) != 0) continue;
        char base[KEY_SIZE] = "";
        memcpy(base, key, length - (sizeof suffix - 1));
        struct entry *entry = slot(base);
        if (entry->key != NULL) entry->rate = parse_decimal(entries[i].value);
    }
}

static int same_file(const struct stat *now) {
    return file >= 0 && identity.st_dev == now->st_dev && identity.st_ino == now->st_ino &&
           identity.st_size == now->st_size && identity.st_mtim.tv_sec == now->st_mtim.tv_sec &&
           identity.st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

int scenario_refresh(void) {
    const char *path = getenv("FAKE_NVML_SCENARIO");
    struct stat now;
    if (path == NULL || stat(path, &now) != 0) {
        forget();
        return 0;
    }
    if (same_file(&now)) return 1;

    int opened = open(path, O_RDONLY | O_CLOEXEC);
    forget();
    if (opened < 0) return 0;
    file = opened;
    /* Another file may have come in between. */
    if (fstat(file, &identity) != 0) abort();
    read_contents((size_t)identity.st_size);
    index_lines();
    index_words();
    index_rates();
    loaded_at = steady_us();
    version++;
    return 1;
}

unsigned int scenario_version(void) { return version; }

int scenario_has(enum scenario_word word) { return words[word]; }

static const struct entry *find(const char *format, va_list arguments) {
    char key[KEY_SIZE];
    if (capacity == 0) return NULL;
    vsnprintf(key, sizeof key, format, arguments);
    const struct entry *entry = slot(key);
    return entry->key == NULL ? NULL : entry;
}

static double growth(const struct entry *entry) {
    return entry->rate == 0 ? 0 : entry->rate * (double)(steady_us() - loaded_at) / 1e6;
}

int scenario_number(unsigned long long *result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const struct entry *entry = find(format, arguments);
    va_end(arguments);
    if (entry == NULL) return 0;
    char *end;
    unsigned long long number = strtoull(entry->value, &end, 0);
    if (end == entry->value || *end != '\0') scenario_reject(entry->key, "an integer");
    *result = number + (unsigned long long)(long long)growth(entry);
    return 1;
}

int scenario_decimal(double *result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const struct entry *entry = find(format, arguments);
    va_end(arguments);
    if (entry == NULL) return 0;
    *result = parse_decimal(entry->value) + growth(entry);
    return 1;
}

int scenario_text(const char **result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const struct entry *entry = find(format, arguments);
    va_end(arguments);
    if (entry == NULL) return 0;
    *result = entry->value;
    return 1;
}

void scenario_each(const char *prefix, void (*visit)(const char *rest, const char *value)) {
    size_t length = strlen(prefix);
    for (size_t i = 0; i < capacity; i++) {
        const char *key = entries[i].key;
        if (key != NULL && strncmp(key, prefix, length) == 0) visit(key + length, entries[i].value);
    }
}
