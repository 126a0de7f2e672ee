/* Values that are lists: items separated by commas, of numbers separated by ':' or '='. */
#ifndef FAKENVML_LIST_H
#define FAKENVML_LIST_H

#pragma GCC visibility push(hidden)

/* The words "na" and "none": NVML's number for what is not available and for no instance, with all bits set. */
#define LIST_NONE (~0ULL)

/* Reads the item at the cursor and moves the cursor behind it. Returns how many numbers it has, 0 at the end of the
 * list. An item with more numbers than there is room for ends the process, like one that is not numbers. */
int list_next(const char **cursor, unsigned long long *numbers, int room);

#pragma GCC visibility pop

#endif
