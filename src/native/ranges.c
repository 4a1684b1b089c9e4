/* Growing lists of numbers, and ranges around places. */
#include <stdlib.h>

#include "native.h"

void numbers_add(numbers *list, int64_t value)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        int64_t *items = list->failed ? NULL : realloc(list->items, room * sizeof *items);
        if (!items) {
            list->failed = 1;
            return;
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = value;
}

void ranges_end(ranges *to)
{
    int64_t start = to->first - to->margin, stop = to->last + to->length + to->margin;
    if (to->first < 0 || to->last + to->length - to->first < to->least)
        return;
    start = start > 0 ? start : 0;
    stop = stop < to->size ? stop : to->size;
    if (to->pairs.count && start <= to->pairs.items[to->pairs.count - 1]) {
        to->pairs.items[to->pairs.count - 1] = stop;
        return;
    }
    numbers_add(&to->pairs, start);
    numbers_add(&to->pairs, stop);
}

void ranges_add(ranges *to, int64_t at)
{
    if (to->first >= 0 && at - to->last <= to->gap + to->length) {
        to->last = at;
        return;
    }
    ranges_end(to);
    to->first = to->last = at;
}
