/*
 * meta.json, version 1:
 *
 *     {"ulid": "01H...", "minTime": 0, "maxTime": 7200000,
 *      "stats": {"numSamples": 1, "numSeries": 1, "numChunks": 1, "numFloatSamples": 1,
 *                "numHistogramSamples": 0, "numTombstones": 0},
 *      "compaction": {"level": 1, "sources": ["01H...", ...], "deletable": false,
 *                     "parents": [{"ulid": "01H...", "minTime": 0, "maxTime": 7200000}, ...],
 *                     "failed": false, "hints": ["from-out-of-order"]},
 *      "version": 1}
 *
 * What is 0, false or empty may be missing.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/quote.h"
#include "storage/block.h"

/* In the order of their texts. */
static const struct {
    const char *name;
    enum block_hint hint;
} hint_names[] = {
    {"ends-head", BLOCK_ENDS_HEAD},
    {"from-out-of-order", BLOCK_FROM_OUT_OF_ORDER},
    {"from-selected-series", BLOCK_FROM_SELECTED_SERIES},
    {"from-stale-series", BLOCK_FROM_STALE_SERIES},
};

static void json_release(json_t *json)
{
    json_decref(json);
}

DEFINE_AUTO(json_t *, json_release)

/* A number that may be missing; 0 then. */
static bool block_meta_integer(const json_t *object, const char *name, int64_t *ret_number)
{
    const json_t *found = json_object_get(object, name);
    *ret_number = json_integer_value(found);
    return !found || json_is_integer(found);
}

static uint64_t block_meta_stat(const json_t *root, const char *name)
{
    int64_t number = 0;
    if (!block_meta_integer(json_object_get(root, "stats"), name, &number))
        return 0;
    return number > 0 ? (uint64_t)number : 0;
}

static bool block_meta_ulid(const json_t *text, struct ulid *ret_ulid)
{
    if (!json_is_string(text))
        return false;
    struct str str = {json_string_value(text), json_string_length(text)};
    return ulid_parse(str, ret_ulid);
}

static bool block_meta_parent(const json_t *object, struct block_desc *ret_parent)
{
    return block_meta_ulid(json_object_get(object, "ulid"), &ret_parent->ulid) &&
           block_meta_integer(object, "minTime", &ret_parent->begin_ms) &&
           block_meta_integer(object, "maxTime", &ret_parent->end_ms);
}

/* 0: it is not known. */
static unsigned hint_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(hint_names); i++)
        if (strcmp(name, hint_names[i].name) == 0)
            return hint_names[i].hint;
    return 0;
}

/* Also a hint of a later Prometheus says that the block is but a part. */
static void block_meta_hints(const json_t *hints, struct block_meta *meta)
{
    meta->other_hints = mem_new_array(char *, json_array_size(hints));
    for (size_t i = 0; i < json_array_size(hints); i++) {
        const char *name = json_string_value(json_array_get(hints, i));
        if (!name)
            continue;
        meta->beside_head |= str_starts(str_of(name), STR("from-"));
        unsigned hint = hint_of(name);
        meta->hints |= hint;
        if (!hint)
            meta->other_hints[meta->other_hint_count++] = mem_strdup(name);
    }
}

static bool block_meta_compaction(const json_t *root, struct block_meta *meta, struct err *err)
{
    const json_t *compaction = json_object_get(root, "compaction");
    int64_t level = 0;
    if (!block_meta_integer(compaction, "level", &level) || level < 0)
        return err_set(err, ERR_CORRUPT, "compaction.level is not a number");
    meta->level = (uint64_t)level;
    meta->deletable = json_is_true(json_object_get(compaction, "deletable"));
    meta->failed = json_is_true(json_object_get(compaction, "failed"));
    block_meta_hints(json_object_get(compaction, "hints"), meta);
    /*
     * Fresh from the head, or written anew. Merged ones are less clear: up to 3.5 Prometheus loses
     * the hint when it merges blocks of late samples alone (#18379), and any Prometheus when it
     * merges such with others.
     */
    meta->ends_head = !meta->beside_head && (level <= 1 || meta->hints & BLOCK_ENDS_HEAD);

    const json_t *sources = json_object_get(compaction, "sources");
    meta->sources = mem_new_array(struct ulid, json_array_size(sources));
    for (; meta->source_count < json_array_size(sources); meta->source_count++)
        if (!block_meta_ulid(json_array_get(sources, meta->source_count),
                             &meta->sources[meta->source_count]))
            return err_set(err, ERR_CORRUPT, "compaction.sources: not a ULID");

    const json_t *parents = json_object_get(compaction, "parents");
    meta->parents = mem_new_array(struct block_desc, json_array_size(parents));
    for (; meta->parent_count < json_array_size(parents); meta->parent_count++)
        if (!block_meta_parent(json_array_get(parents, meta->parent_count),
                               &meta->parents[meta->parent_count]))
            return err_set(err, ERR_CORRUPT, "compaction.parents: not a ULID and a range");
    return true;
}

bool block_meta_parse(struct str json, struct block_meta *ret_meta, struct err *err)
{
    json_error_t why;
    AUTO(json_release)
    json_t *root = json_loadb(json.ptr ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return err_set(err, ERR_CORRUPT, "offset %d: %s", why.position, why.text);

    AUTO(block_meta_done) struct block_meta meta = {0};
    int64_t version = 0;
    if (!json_is_object(root) || !block_meta_integer(root, "version", &version))
        return err_set(err, ERR_CORRUPT, "version is missing or none");
    if (version != 1)
        return err_set(err, ERR_CORRUPT, "version %lld of the format, of which only 1 is known",
                       (long long)version);
    if (!block_meta_ulid(json_object_get(root, "ulid"), &meta.ulid))
        return err_set(err, ERR_CORRUPT, "ulid is missing or none");
    if (!block_meta_integer(root, "minTime", &meta.begin_ms) ||
        !block_meta_integer(root, "maxTime", &meta.end_ms) || meta.begin_ms > meta.end_ms)
        return err_set(err, ERR_CORRUPT, "minTime and maxTime are no range");
    meta.sample_count = block_meta_stat(root, "numSamples");
    meta.series_count = block_meta_stat(root, "numSeries");
    meta.chunk_count = block_meta_stat(root, "numChunks");
    meta.float_count = block_meta_stat(root, "numFloatSamples");
    meta.histogram_count = block_meta_stat(root, "numHistogramSamples");
    meta.tombstone_count = block_meta_stat(root, "numTombstones");
    meta.floats_only = meta.sample_count > 0 && meta.sample_count == meta.float_count;
    if (!block_meta_compaction(root, &meta, err))
        return false;
    *ret_meta = meta;
    meta = (struct block_meta){0};
    return true;
}

void block_meta_done(struct block_meta *meta)
{
    for (size_t i = 0; i < meta->other_hint_count; i++)
        free(meta->other_hints[i]);
    free(meta->other_hints);
    free(meta->sources);
    free(meta->parents);
    *meta = (struct block_meta){0};
}

bool block_meta_read(const char *dir, struct block_meta *ret_meta, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    AUTO(buf_done) struct buf json = {0};
    buf_printf(&path, "%s/meta.json", dir);
    if (!file_read(buf_terminated(&path), BLOCK_META_SIZE_MAX, &json, err))
        return false;
    if (!block_meta_parse(buf_view(&json), ret_meta, err))
        return err_wrap(err, "%s", buf_terminated(&path));
    return true;
}

static void meta_print_stats(const struct block_meta *meta, struct buf *out)
{
    const struct {
        const char *name;
        uint64_t count;
    } stats[] = {
        {"numSamples", meta->sample_count},
        {"numFloatSamples", meta->float_count},
        {"numHistogramSamples", meta->histogram_count},
        {"numSeries", meta->series_count},
        {"numChunks", meta->chunk_count},
        {"numTombstones", meta->tombstone_count},
    };
    bool any = false;
    buf_text(out, "\t\"stats\": {");
    for (size_t i = 0; i < ARRAY_COUNT(stats); i++) {
        if (stats[i].count == 0)
            continue;
        buf_printf(out, "%s\n\t\t\"%s\": %llu", any ? "," : "", stats[i].name,
                   (unsigned long long)stats[i].count);
        any = true;
    }
    buf_text(out, any ? "\n\t},\n" : "},\n");
}

static void meta_print_parents(const struct block_meta *meta, struct buf *out)
{
    if (meta->parent_count == 0)
        return;
    buf_text(out, ",\n\t\t\"parents\": [");
    for (size_t i = 0; i < meta->parent_count; i++) {
        const struct block_desc *parent = &meta->parents[i];
        buf_printf(out,
                   "%s\n\t\t\t{\n\t\t\t\t\"ulid\": \"%s\",\n\t\t\t\t\"minTime\": %lld,\n"
                   "\t\t\t\t\"maxTime\": %lld\n\t\t\t}",
                   i ? "," : "", parent->ulid.text, (long long)parent->begin_ms,
                   (long long)parent->end_ms);
    }
    buf_text(out, "\n\t\t]");
}

static void meta_print_hint(const char *name, bool first, struct buf *out)
{
    buf_text(out, first ? "\n\t\t\t\"" : ",\n\t\t\t\"");
    json_escape_html(out, str_of(name));
    buf_byte(out, '"');
}

static void meta_print_hints(const struct block_meta *meta, struct buf *out)
{
    bool first = true;
    if (meta->hints == 0 && meta->other_hint_count == 0)
        return;
    buf_text(out, ",\n\t\t\"hints\": [");
    for (size_t i = 0; i < ARRAY_COUNT(hint_names); i++) {
        if (!(meta->hints & hint_names[i].hint))
            continue;
        meta_print_hint(hint_names[i].name, first, out);
        first = false;
    }
    for (size_t i = 0; i < meta->other_hint_count; i++, first = false)
        meta_print_hint(meta->other_hints[i], first, out);
    buf_text(out, "\n\t\t]");
}

void block_meta_print(const struct block_meta *meta, struct buf *out)
{
    buf_printf(out, "{\n\t\"ulid\": \"%s\",\n\t\"minTime\": %lld,\n\t\"maxTime\": %lld,\n",
               meta->ulid.text, (long long)meta->begin_ms, (long long)meta->end_ms);
    meta_print_stats(meta, out);
    buf_printf(out, "\t\"compaction\": {\n\t\t\"level\": %llu", (unsigned long long)meta->level);
    if (meta->source_count > 0)
        buf_text(out, ",\n\t\t\"sources\": [");
    for (size_t i = 0; i < meta->source_count; i++)
        buf_printf(out, "%s\n\t\t\t\"%s\"", i ? "," : "", meta->sources[i].text);
    if (meta->source_count > 0)
        buf_text(out, "\n\t\t]");
    if (meta->deletable)
        buf_text(out, ",\n\t\t\"deletable\": true");
    meta_print_parents(meta, out);
    if (meta->failed)
        buf_text(out, ",\n\t\t\"failed\": true");
    meta_print_hints(meta, out);
    buf_text(out, "\n\t},\n\t\"version\": 1\n}");
}

bool block_meta_write(const char *dir, const struct block_meta *meta, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    AUTO(buf_done) struct buf json = {0};
    buf_printf(&path, "%s/meta.json", dir);
    block_meta_print(meta, &json);
    return file_write_whole(buf_terminated(&path), buf_view(&json), err);
}

bool block_meta_mark(const char *dir, bool failed, bool deletable, struct err *err)
{
    AUTO(block_meta_done) struct block_meta meta = {0};
    if (!block_meta_read(dir, &meta, err))
        return false;
    meta.failed |= failed;
    meta.deletable |= deletable;
    return block_meta_write(dir, &meta, err);
}
