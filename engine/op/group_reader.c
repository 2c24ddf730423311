#include "engine/op/group_reader.h"

#include <string.h>

void group_reader_init(struct group_reader *reader, struct op *child)
{
    *reader = (struct group_reader){.rows.op = child};
    row_store_init(&reader->store, child->query, child->grid.count);
}

void group_reader_done(struct group_reader *reader)
{
    for (size_t i = 0; i < reader->early_count; i++)
        row_store_drop(&reader->store, &reader->early[i].held);
    reader->early_count = 0;
    row_store_drop(&reader->store, &reader->given);
    row_store_done(&reader->store);
}

void group_reader_begin(struct group_reader *reader, const uint32_t *members, size_t count)
{
    reader->members = members;
    reader->count = count;
    reader->next = 0;
}

static bool group_reader_hold(struct group_reader *reader, const struct group_row *row,
                              struct row_place place, struct err *err)
{
    struct arena *arena = reader->rows.op->query->arena;
    if (reader->early_count == reader->early_cap) {
        size_t cap = reader->early_cap ? reader->early_cap * 2 : 4;
        struct early_row *early = arena_array(arena, struct early_row, cap);
        if (reader->early_count > 0)
            memcpy(early, reader->early, reader->early_count * sizeof *early);
        reader->early = early;
        reader->early_cap = cap;
    }
    struct early_row *early = &reader->early[reader->early_count];
    *early = (struct early_row){.place = place, .member = row->member};
    if (!arena_check(arena, err) ||
        !row_store_hold(&reader->store, row->values, row->histograms, &early->held, err))
        return false;
    reader->early_count++;
    return true;
}

/* The held row that is due before anything else of the group; NULL: none is yet. */
static struct early_row *group_reader_due(const struct group_reader *reader)
{
    struct early_row *due = NULL;
    for (size_t i = 0; i < reader->early_count; i++)
        if (!due || reader->early[i].place.key < due->place.key)
            due = &reader->early[i];
    if (due && reader->next < reader->count && due->place.before > reader->members[reader->next])
        return NULL;
    return due;
}

static void group_reader_give(struct group_reader *reader, struct early_row *due,
                              struct group_row *ret_row)
{
    reader->given = due->held;
    *ret_row = (struct group_row){due->member, reader->given.values, reader->given.histograms};
    *due = reader->early[--reader->early_count];
}

enum pull group_reader_next(struct group_reader *reader, struct group_row *ret_row, struct err *err)
{
    row_store_drop(&reader->store, &reader->given);
    for (;;) {
        struct early_row *due = group_reader_due(reader);
        if (due) {
            group_reader_give(reader, due, ret_row);
            return PULL_BATCH;
        }
        if (reader->next == reader->count)
            return PULL_END;
        struct group_row row = {.member = reader->next++};
        if (row_reader_next(&reader->rows, &row.values, err) != PULL_BATCH)
            return PULL_ERR;
        row.histograms = reader->rows.histograms;
        const struct row_place *place = row_reader_place(&reader->rows);
        if (!place || place->before <= reader->members[row.member] + 1) {
            *ret_row = row;
            return PULL_BATCH;
        }
        if (!group_reader_hold(reader, &row, *place, err))
            return PULL_ERR;
    }
}
