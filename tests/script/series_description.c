#include "tests/script/series_description.h"

#include "base/mem.h"
#include "parser/scan.h"
#include "tests/script/described_histogram.h"
#include "tests/script/reader.h"

/* Values while they are read: how many there are is not known beforehand. */
struct value_list {
    struct described_value *items;
    size_t count, cap;
};

static void value_list_done_auto(struct value_list *list)
{
    free(list->items);
}

static bool value_list_add(struct value_list *list, const struct described_value *value,
                           struct err *err)
{
    if (list->count == DESCRIBED_VALUES_MAX)
        return err_set(err, ERR_BAD_DATA, "more than %d values", DESCRIBED_VALUES_MAX);
    mem_grow(list->items, struct described_value, list->count, &list->cap);
    list->items[list->count++] = *value;
    return true;
}

/* name="value", "name"="value", or a metric name in quotes alone. */
static bool label_read(struct reader *reader, struct arena *arena, struct symbols *symbols,
                       struct labels_builder *builder, struct err *err)
{
    struct str name, value;
    if (is_alpha(reader_byte(reader))) {
        name = reader_word(reader);
    } else {
        if (!reader_quoted(reader, arena, &name, err))
            return false;
        reader_skip_spaces(reader);
        int next = reader_byte(reader);
        if (next == ',' || next == '}') {
            labels_builder_set(builder, SYM_NAME, symbols_add(symbols, name));
            return true;
        }
    }
    reader_skip_spaces(reader);
    if (!reader_take(reader, '='))
        return reader_fail(reader, "\"=\"", err);
    reader_skip_spaces(reader);
    if (!reader_quoted(reader, arena, &value, err))
        return false;
    labels_builder_set(builder, symbols_add(symbols, name), symbols_add(symbols, value));
    return true;
}

static bool braces_read(struct reader *reader, struct arena *arena, struct symbols *symbols,
                        struct labels_builder *builder, struct err *err)
{
    reader_skip_spaces(reader);
    while (!reader_take(reader, '}')) {
        if (!label_read(reader, arena, symbols, builder, err))
            return false;
        reader_skip_spaces(reader);
        if (!reader_take(reader, ',') && reader_byte(reader) != '}')
            return reader_fail(reader, "\",\" or \"}\"", err);
        reader_skip_spaces(reader);
    }
    return true;
}

bool series_labels_parse(struct str line, size_t *pos, struct arena *arena, struct symbols *symbols,
                         const struct labels **ret_labels, struct err *err)
{
    struct reader reader = {.text = line, .pos = *pos};
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, symbols, &labels_empty);
    if (is_alpha(reader_byte(&reader)) || reader_byte(&reader) == ':')
        labels_builder_set(&builder, SYM_NAME, symbols_add(symbols, reader_word(&reader)));
    else if (reader_byte(&reader) != '{')
        return reader_fail(&reader, "a series", err);
    if (reader_take(&reader, '{') && !braces_read(&reader, arena, symbols, &builder, err))
        return false;
    *ret_labels = labels_builder_labels(&builder, arena);
    *pos = reader.pos;
    return true;
}

/* N copies of `value`; or those and one more, each the sum of the one before and `step`. */
static bool floats_repeat(struct reader *reader, double value, struct value_list *list,
                          struct err *err)
{
    double step = 0;
    uint64_t times = 0;
    bool steps = reader_byte(reader) == '+' || reader_byte(reader) == '-';
    if (steps && !reader_number(reader, &step, err))
        return false;
    bool repeats = reader_take(reader, 'x');
    if (steps && !repeats)
        return reader_fail(reader, "x and a count", err);
    if (repeats && !reader_count(reader, &times, err))
        return false;
    for (uint64_t i = 0; i <= times; i++) {
        if (!value_list_add(list, &(struct described_value){.value = value}, err))
            return false;
        if (steps)
            value += step;
    }
    return true;
}

static bool blanks_read(struct reader *reader, struct value_list *list, struct err *err)
{
    uint64_t times = 1;
    if (reader_take(reader, 'x') && !reader_count(reader, &times, err))
        return false;
    for (uint64_t i = 0; i < times; i++)
        if (!value_list_add(list, &(struct described_value){.omitted = true}, err))
            return false;
    return true;
}

static bool histograms_read(struct reader *reader, struct arena *arena, struct value_list *list,
                            struct err *err)
{
    struct described_value value = {0}, step = {0};
    uint64_t times = 0;
    if (!described_histogram_read(reader, arena, &value, err))
        return false;
    int sign = reader_byte(reader);
    bool steps = sign == '+' || sign == '-';
    if (steps) {
        reader->pos++;
        if (!described_histogram_read(reader, arena, &step, err))
            return false;
        value.hint_set = step.hint_set;
    }
    bool repeats = reader_take(reader, 'x');
    if (steps && !repeats)
        return reader_fail(reader, "x and a count", err);
    if (repeats && !reader_count(reader, &times, err))
        return false;
    for (uint64_t i = 0; i <= times; i++) {
        if (!value_list_add(list, &value, err))
            return false;
        if (steps && i < times && !described_histogram_step(&value, &step, sign == '-', arena, err))
            return false;
    }
    return true;
}

static bool item_read(struct reader *reader, struct arena *arena, struct value_list *list,
                      struct err *err)
{
    if (reader_take(reader, '_'))
        return blanks_read(reader, list, err);
    if (reader_byte(reader) == '{')
        return histograms_read(reader, arena, list, err);
    double value;
    if (!reader_number(reader, &value, err))
        return false;
    return floats_repeat(reader, value, list, err);
}

bool series_description_parse(struct str line, struct arena *arena, struct symbols *symbols,
                              struct series_description *ret_series, struct err *err)
{
    struct reader reader = {.text = line};
    AUTO(value_list_done) struct value_list list = {0};
    const struct labels *labels;
    if (!series_labels_parse(line, &reader.pos, arena, symbols, &labels, err))
        return false;
    while (!reader_at_end(&reader)) {
        if (!reader_skip_spaces(&reader))
            return reader_fail(&reader, "a space", err);
        if (!reader_at_end(&reader) && !item_read(&reader, arena, &list, err))
            return false;
    }
    struct described_value *values = arena_array(arena, struct described_value, list.count);
    if (list.count)
        memcpy(values, list.items, list.count * sizeof *values);
    *ret_series = (struct series_description){.labels = labels, .values = values};
    ret_series->count = list.count;
    return true;
}
