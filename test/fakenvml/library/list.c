#include "list.h"

#include "scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void skip_spaces(const char **cursor) {
    while (isspace((unsigned char)**cursor)) (*cursor)++;
}

static unsigned long long read_number(const char **cursor) {
    static const char *const none[] = {"none", "na"};
    skip_spaces(cursor);
    for (int i = 0; i < 2; i++) {
        if (strncmp(*cursor, none[i], strlen(none[i])) == 0) {
            *cursor += strlen(none[i]);
            return LIST_NONE;
        }
    }
    char *end;
    unsigned long long number = strtoull(*cursor, &end, 0);
    if (end == *cursor) scenario_reject(*cursor, "a number, na or none");
    *cursor = end;
    return number;
}

int list_next(const char **cursor, unsigned long long *numbers, int room) {
    skip_spaces(cursor);
    if (**cursor == '\0') return 0;
    for (int count = 0; count < room;) {
        numbers[count++] = read_number(cursor);
        skip_spaces(cursor);
        char separator = **cursor;
        if (separator != '\0') (*cursor)++;
        if (separator == '\0' || separator == ',') return count;
        if (separator != ':' && separator != '=') break;
    }
    scenario_reject(*cursor, "the end of the item");
}
