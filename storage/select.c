#include "storage/select.h"

#include <assert.h>

bool storage_select(struct storage *storage, const struct select_request *request,
                    struct selection **ret_selection, struct err *err)
{
    return storage->class->select(storage, request, ret_selection, err);
}

void selection_close(struct selection *selection)
{
    if (selection)
        selection->class->close(selection);
}

size_t selection_count(const struct selection *selection)
{
    return selection->count;
}

const struct labels *selection_labels(const struct selection *selection, size_t series)
{
    assert(series < selection->count);
    return selection->labels[series];
}

bool selection_may_hold_histograms(struct selection *selection, size_t series)
{
    assert(series < selection->count);
    return selection->class->may_hold_histograms(selection, series);
}

struct cursor *cursor_create(struct selection *selection)
{
    return selection->class->cursor_create(selection);
}

void cursor_destroy(struct cursor *cursor)
{
    if (cursor)
        cursor->selection->class->cursor_destroy(cursor);
}

void cursor_open(struct cursor *cursor, size_t series)
{
    assert(series < cursor->selection->count);
    cursor->selection->class->cursor_open(cursor, series);
}

bool cursor_next(struct cursor *cursor, struct samples *into, bool *ret_more, struct err *err)
{
    return cursor->selection->class->cursor_next(cursor, into, ret_more, err);
}

bool cursor_next_chunk(struct cursor *cursor, struct stored_chunk *ret_chunk, bool *ret_more,
                       struct err *err)
{
    return cursor->selection->class->cursor_next_chunk(cursor, ret_chunk, ret_more, err);
}

bool storage_label_names(struct storage *storage, const struct names_request *request,
                         struct names *ret_names, struct err *err)
{
    return storage->class->label_names(storage, request, ret_names, err);
}

bool storage_label_values(struct storage *storage, const struct names_request *request,
                          struct str name, struct names *ret_names, struct err *err)
{
    return storage->class->label_values(storage, request, name, ret_names, err);
}
