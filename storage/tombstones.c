/*
 *     magic u32 0x0130BA30 | version u8 1 | stone ... | crc32c u32, of the stones alone
 *     stone: series uvarint | begin varint | end varint
 *
 * The series is named as in the postings. Stones of a series may stand anywhere and overlap.
 */
#include "storage/tombstones.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/varint.h"
#include "storage/checksum.h"

#define TOMBSTONES_MAGIC 0x0130BA30u
#define TOMBSTONES_HEADER_SIZE 5
#define TOMBSTONES_SIZE_MAX (1u << 30)

struct tombstones_group {
    uint64_t series_ref;
    size_t first;
    size_t count;
};

struct tombstones {
    struct tombstones_group *groups; /* sorted by series */
    size_t group_count;
    struct time_range *ranges;
    size_t range_count;
};

static int stone_order(const void *left, const void *right)
{
    const struct tombstone *a = left;
    const struct tombstone *b = right;
    if (a->series_ref != b->series_ref)
        return a->series_ref < b->series_ref ? -1 : 1;
    return (a->range.begin_ms > b->range.begin_ms) - (a->range.begin_ms < b->range.begin_ms);
}

/* Does `next`, which begins no earlier, overlap or follow at once? */
static bool time_range_touches(struct time_range range, struct time_range next)
{
    return range.end_ms == INT64_MAX || next.begin_ms <= range.end_ms + 1;
}

static struct tombstones *tombstones_build(const struct tombstone *stones, size_t count)
{
    struct tombstones *made = mem_new(struct tombstones);
    made->ranges = mem_new_array(struct time_range, count);
    made->groups = mem_new_array(struct tombstones_group, count);
    struct tombstones_group *group = NULL;
    struct time_range *last = NULL; /* of the group */
    for (size_t i = 0; i < count; i++) {
        if (!group || group->series_ref != stones[i].series_ref) {
            group = made->groups + made->group_count++;
            *group = (struct tombstones_group){stones[i].series_ref, made->range_count, 0};
            last = NULL;
        }
        if (last && time_range_touches(*last, stones[i].range)) {
            if (last->end_ms < stones[i].range.end_ms)
                last->end_ms = stones[i].range.end_ms;
            continue;
        }
        last = made->ranges + made->range_count++;
        *last = stones[i].range;
        group->count++;
    }
    return made;
}

bool tombstones_parse(const uint8_t *bytes, size_t size, struct tombstones **ret_tombstones,
                      struct err *err)
{
    if (size < TOMBSTONES_HEADER_SIZE + 4)
        return err_set(err, ERR_CORRUPT, "tombstones of %zu bytes", size);
    if (load_be32(bytes) != TOMBSTONES_MAGIC || bytes[4] != 1)
        return err_set(err, ERR_CORRUPT, "offset 0: no tombstones of version 1");
    size_t body = size - TOMBSTONES_HEADER_SIZE - 4;
    if (!checksum_matches(bytes + TOMBSTONES_HEADER_SIZE, body, load_be32(bytes + size - 4)))
        return err_set(err, ERR_CORRUPT, "offset %zu: checksum does not match", size - 4);

    struct bytes_reader r = bytes_reader_of(bytes + TOMBSTONES_HEADER_SIZE, body);
    struct tombstone *stones =
        mem_new_array(struct tombstone, body / 3 + 1); /* of 3 bytes at least */
    size_t count = 0;
    while (read_left(&r) && !r.failed) {
        struct tombstone stone = {.series_ref = read_uvarint(&r)};
        stone.range.begin_ms = read_varint(&r);
        stone.range.end_ms = read_varint(&r);
        if (!r.failed && stone.range.begin_ms <= stone.range.end_ms)
            stones[count++] = stone;
    }
    if (!r.failed) {
        qsort(stones, count, sizeof *stones, stone_order);
        *ret_tombstones = tombstones_build(stones, count);
    }
    free(stones);
    return !r.failed || err_set(err, ERR_CORRUPT, "offset %zu: a stone is cut short", size - 4);
}

struct tombstones *tombstones_with(const struct tombstones *before, const struct tombstone *added,
                                   size_t count)
{
    struct tombstone *stones = mem_new_array(struct tombstone, before->range_count + count);
    size_t at = 0;
    for (size_t i = 0; i < before->group_count; i++) {
        const struct tombstones_group *group = &before->groups[i];
        for (size_t k = 0; k < group->count; k++)
            stones[at++] = (struct tombstone){group->series_ref, before->ranges[group->first + k]};
    }
    for (size_t i = 0; i < count; i++)
        stones[at++] = added[i];
    qsort(stones, at, sizeof *stones, stone_order);
    struct tombstones *made = tombstones_build(stones, at);
    free(stones);
    return made;
}

static void put_be32(struct buf *out, uint32_t v)
{
    store_be32((uint8_t *)buf_reserve(out, 4), v);
    out->len += 4;
}

void tombstones_print(const struct tombstones *tombstones, struct buf *out)
{
    put_be32(out, TOMBSTONES_MAGIC);
    buf_byte(out, 1);
    size_t begin = out->len;
    for (size_t i = 0; i < tombstones->group_count; i++) {
        const struct tombstones_group *group = &tombstones->groups[i];
        for (size_t k = 0; k < group->count; k++) {
            const struct time_range *range = &tombstones->ranges[group->first + k];
            uint8_t *at = (uint8_t *)buf_reserve(out, 3 * VARINT_SIZE_MAX);
            size_t size = write_uvarint(at, group->series_ref);
            size += write_varint(at + size, range->begin_ms);
            out->len += size + write_varint(at + size, range->end_ms);
        }
    }
    put_be32(out, crc32c(out->ptr + begin, out->len - begin));
}

bool tombstones_open(const char *path, struct tombstones **ret_tombstones, struct err *err)
{
    if (!file_exists(path)) {
        *ret_tombstones = mem_new(struct tombstones);
        return true;
    }
    AUTO(buf_done) struct buf buf = {0};
    if (!file_read(path, TOMBSTONES_SIZE_MAX, &buf, err))
        return false;
    if (!tombstones_parse((const uint8_t *)buf.ptr, buf.len, ret_tombstones, err))
        return err_wrap(err, "%s", path);
    return true;
}

void tombstones_close(struct tombstones *tombstones)
{
    if (!tombstones)
        return;
    free(tombstones->groups);
    free(tombstones->ranges);
    free(tombstones);
}

size_t tombstones_count(const struct tombstones *tombstones)
{
    return tombstones->range_count;
}

const struct time_range *tombstones_find(const struct tombstones *tombstones, uint64_t series_ref,
                                         size_t *ret_count)
{
    size_t low = 0;
    size_t high = tombstones->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tombstones->groups[middle].series_ref < series_ref)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_count = 0;
    if (low == tombstones->group_count || tombstones->groups[low].series_ref != series_ref)
        return NULL;
    *ret_count = tombstones->groups[low].count;
    return tombstones->ranges + tombstones->groups[low].first;
}

size_t time_ranges_add(struct time_range *ranges, size_t count, struct time_range added)
{
    assert(added.begin_ms <= added.end_ms);
    size_t first = 0;
    while (first < count && ranges[first].begin_ms < added.begin_ms &&
           !time_range_touches(ranges[first], added))
        first++;
    size_t behind = first;
    for (; behind < count; behind++) {
        if (ranges[behind].begin_ms > added.begin_ms && !time_range_touches(added, ranges[behind]))
            break;
        if (ranges[behind].begin_ms < added.begin_ms)
            added.begin_ms = ranges[behind].begin_ms;
        if (ranges[behind].end_ms > added.end_ms)
            added.end_ms = ranges[behind].end_ms;
    }
    memmove(ranges + first + 1, ranges + behind, (count - behind) * sizeof *ranges);
    ranges[first] = added;
    return count - (behind - first) + 1;
}

bool time_ranges_cover(const struct time_range *ranges, size_t count, struct time_range inner)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].begin_ms <= inner.begin_ms && inner.end_ms <= ranges[i].end_ms)
            return true;
    return false;
}

/* Asked with times that rise; `*next` begins at 0. */
static bool time_ranges_hold(const struct time_range *ranges, size_t count, size_t *next, int64_t t)
{
    while (*next < count && ranges[*next].end_ms < t)
        ++*next;
    return *next < count && ranges[*next].begin_ms <= t;
}

static void time_ranges_cut_histograms(const struct time_range *ranges, size_t count,
                                       struct histogram_samples *samples, size_t from)
{
    size_t kept = from;
    size_t next = 0;
    for (size_t i = from; i < samples->count; i++) {
        if (time_ranges_hold(ranges, count, &next, samples->times_ms[i]))
            continue;
        samples->times_ms[kept] = samples->times_ms[i];
        samples->items[kept] = samples->items[i];
        samples->stored_hints[kept] = samples->stored_hints[i];
        samples->starts_ms[kept++] = samples->starts_ms[i];
    }
    histogram_samples_truncate(samples, kept);
}

void time_ranges_cut(const struct time_range *ranges, size_t count, struct samples *samples,
                     struct samples_mark since)
{
    size_t kept = since.floats;
    size_t next = 0;
    for (size_t i = since.floats; i < samples->count; i++) {
        if (time_ranges_hold(ranges, count, &next, samples->times_ms[i]))
            continue;
        samples->times_ms[kept] = samples->times_ms[i];
        if (samples->wants_starts)
            samples->starts_ms[kept] = samples->starts_ms[i];
        samples->values[kept++] = samples->values[i];
    }
    samples->count = kept;
    if (samples->histograms)
        time_ranges_cut_histograms(ranges, count, samples->histograms, since.histograms);
}
