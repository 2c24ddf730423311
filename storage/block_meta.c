/*
 * meta.json, version 1:
 *
 *     {"ulid": "01H...", "minTime": 0, "maxTime": 7200000,
 *      "stats": {"numSamples": 1, "numSeries": 1, "numChunks": 1, "numFloatSamples": 1},
 *      "compaction": {"level": 1, "sources": [...], "deletable": false,
 *                     "parents": [{"ulid": "01H...", ...}], "hints": ["from-out-of-order"]},
 *      "version": 1}
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/block.h"

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

static bool block_meta_ulid(const json_t *object, struct ulid *ret_ulid)
{
    const json_t *text = json_object_get(object, "ulid");
    if (!json_is_string(text))
        return false;
    struct str str = {json_string_value(text), json_string_length(text)};
    return ulid_parse(str, ret_ulid);
}

static bool block_meta_compaction(const json_t *root, struct block_meta *meta, struct err *err)
{
    const json_t *compaction = json_object_get(root, "compaction");
    int64_t level = 0;
    if (!block_meta_integer(compaction, "level", &level) || level < 0)
        return err_set(err, ERR_CORRUPT, "compaction.level is not a number");
    meta->level = (uint64_t)level;
    meta->deletable = json_is_true(json_object_get(compaction, "deletable"));
    const json_t *hints = json_object_get(compaction, "hints");
    for (size_t i = 0; i < json_array_size(hints); i++) {
        const char *hint = json_string_value(json_array_get(hints, i));
        if (hint && str_starts(str_of(hint), STR("from-")))
            meta->beside_head = true;
    }

    const json_t *parents = json_object_get(compaction, "parents");
    meta->parents = mem_new_array(struct ulid, json_array_size(parents));
    for (; meta->parent_count < json_array_size(parents); meta->parent_count++)
        if (!block_meta_ulid(json_array_get(parents, meta->parent_count),
                             &meta->parents[meta->parent_count]))
            return err_set(err, ERR_CORRUPT, "compaction.parents: not a ULID");
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
    if (!json_is_object(root) || !block_meta_integer(root, "version", &version) || version != 1)
        return err_set(err, ERR_CORRUPT, "not of version 1");
    if (!block_meta_ulid(root, &meta.ulid))
        return err_set(err, ERR_CORRUPT, "ulid is missing or none");
    if (!block_meta_integer(root, "minTime", &meta.begin_ms) ||
        !block_meta_integer(root, "maxTime", &meta.end_ms) || meta.begin_ms > meta.end_ms)
        return err_set(err, ERR_CORRUPT, "minTime and maxTime are no range");
    meta.sample_count = block_meta_stat(root, "numSamples");
    meta.series_count = block_meta_stat(root, "numSeries");
    meta.chunk_count = block_meta_stat(root, "numChunks");
    meta.floats_only =
        meta.sample_count > 0 && meta.sample_count == block_meta_stat(root, "numFloatSamples");
    if (!block_meta_compaction(root, &meta, err))
        return false;
    *ret_meta = meta;
    meta = (struct block_meta){0};
    return true;
}

void block_meta_done(struct block_meta *meta)
{
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
