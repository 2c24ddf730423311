#include "tests/script/start_times.h"

#include "base/mem.h"
#include "model/duration.h"
#include "parser/scan.h"
#include "tests/script/reader.h"

bool start_times_is_line(struct str line)
{
    struct reader reader = {.text = line};
    return str_ends(reader_field(&reader), STR("@st")) && !reader_at_end(&reader);
}

/* [+-]digits and a unit. */
static bool offset_read(struct reader *reader, int64_t *ret_ms, struct err *err)
{
    struct reader before = *reader;
    bool minus = reader_take(reader, '-');
    if (!minus)
        reader_take(reader, '+');
    size_t begin = reader->pos;
    while (is_digit(reader_byte(reader)))
        reader->pos++;
    while (is_alpha(reader_byte(reader)) && reader_byte(reader) != 'x' &&
           reader_byte(reader) != '_')
        reader->pos++;
    struct str text = {reader->text.ptr + begin, reader->pos - begin};
    if (!duration_parse(text, ret_ms))
        return reader_fail(&before, "a duration", err);
    if (minus)
        *ret_ms = -*ret_ms;
    return true;
}

struct offsets {
    struct described_value *items;
    size_t count, cap;
};

static void offsets_done_auto(struct offsets *offsets)
{
    free(offsets->items);
}

static bool offsets_add(struct offsets *offsets, struct described_value value, struct err *err)
{
    if (offsets->count == DESCRIBED_VALUES_MAX)
        return err_set(err, ERR_BAD_DATA, "more than %d values", DESCRIBED_VALUES_MAX);
    mem_grow(offsets->items, struct described_value, offsets->count, &offsets->cap);
    offsets->items[offsets->count++] = value;
    return true;
}

static bool item_read(struct reader *reader, struct offsets *offsets, struct err *err)
{
    int64_t offset_ms = 0, step_ms = 0;
    uint64_t times = 0;
    bool omitted = reader_take(reader, '_');
    if (!omitted && !offset_read(reader, &offset_ms, err))
        return false;
    bool steps = !omitted && (reader_byte(reader) == '+' || reader_byte(reader) == '-');
    if (steps && !offset_read(reader, &step_ms, err))
        return false;
    bool repeats = reader_take(reader, 'x');
    if (steps && !repeats)
        return reader_fail(reader, "x and a count", err);
    if (repeats && !reader_count(reader, &times, err))
        return false;
    /* As with samples: N blanks are N, N repeated values are one more. */
    if (omitted && repeats && times-- == 0)
        return reader_fail(reader, "a count above 0", err);
    for (uint64_t i = 0; i <= times; i++, offset_ms += step_ms)
        if (!offsets_add(offsets,
                         (struct described_value){.omitted = omitted, .value = (double)offset_ms},
                         err))
            return false;
    return true;
}

bool start_times_parse(struct str line, struct arena *arena, struct symbols *symbols,
                       struct series_description *ret_starts, struct err *err)
{
    struct reader reader = {.text = line};
    AUTO(offsets_done) struct offsets offsets = {0};
    if (!series_labels_parse(line, &reader.pos, arena, symbols, &ret_starts->labels, err))
        return false;
    if (!str_eq(reader_field(&reader), STR("@st")))
        return reader_fail(&reader, "@st", err);
    while (reader_skip_spaces(&reader), !reader_at_end(&reader)) {
        if (!item_read(&reader, &offsets, err))
            return false;
        if (!reader_at_end(&reader) && !is_space(reader_byte(&reader)))
            return reader_fail(&reader, "a space", err);
    }
    /* One at least, so that a line without values can be told from none. */
    ret_starts->values = arena_array(arena, struct described_value, offsets.count + 1);
    ret_starts->count = offsets.count;
    if (offsets.count)
        memcpy(ret_starts->values, offsets.items, offsets.count * sizeof *offsets.items);
    return true;
}
