/*
 * Where the head begins: blocks hold what it had before. A block fresh from the head says so, and
 * one of late samples alone says that it does not. A merged one that a Prometheus wrote says
 * nothing: its end may be that of late samples whose time the head still holds. It is believed once
 * no sample in order can come before its end any more, and blocks have all there are. In doubt the
 * head keeps what blocks have too, which selects merge.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/db_internal.h"
#include "storage/head_covered.h"

static const struct doubt *db_find_doubt(const struct db *db, const struct ulid *ulid)
{
    for (size_t i = 0; i < db->doubts.count; i++)
        if (strcmp(db->doubts.items[i].ulid.text, ulid->text) == 0)
            return &db->doubts.items[i];
    return NULL;
}

int64_t db_blocks_end(const struct db *db)
{
    int64_t end_ms = INT64_MIN;
    for (size_t i = 0; i < db->blocks.count; i++) {
        const struct block_meta *meta = block_meta(db->blocks.items[i]);
        const struct doubt *doubt = meta->ends_head ? NULL : db_find_doubt(db, &meta->ulid);
        if (meta->end_ms > end_ms && (meta->ends_head || (doubt && doubt->ends_head)))
            end_ms = meta->end_ms;
    }
    return end_ms;
}

/* A sample in order is at most half a block's range behind the newest. */
static bool head_is_past(const struct db *db, int64_t t_ms)
{
    int64_t past_ms, newest_ms = head_end_ms(db->head);
    return newest_ms > t_ms && (__builtin_sub_overflow(newest_ms, t_ms, &past_ms) ||
                                past_ms > db->options.block_range_ms / 2);
}

/* Have blocks all that the head has before a time? */
static bool head_is_in_blocks(struct db *db, int64_t before_ms, bool *ret_is_in_blocks,
                              struct err *err)
{
    int64_t begin_ms, newest_ms;
    head_settle(db->head);
    head_range(db->head, &begin_ms, &newest_ms);
    *ret_is_in_blocks = begin_ms >= before_ms;
    if (*ret_is_in_blocks)
        return true;
    AUTO(block_list_done) struct block_list blocks = db_blocks_in(db, begin_ms, before_ms - 1);
    const struct head_covered_request request = {
        .head = db->head,
        .blocks = blocks.items,
        .block_count = blocks.count,
        .begin_ms = begin_ms,
        .before_ms = before_ms,
        .budget = &db->compactor.budget,
        .cancel = &db->compactor.cancel,
    };
    return head_is_covered(&request, ret_is_in_blocks, err);
}

static bool db_settle(struct db *db, const struct block_meta *meta, struct err *err)
{
    struct doubt settled = {.ulid = meta->ulid};
    if (!head_is_in_blocks(db, meta->end_ms, &settled.ends_head, err)) {
        if (err->kind != ERR_CORRUPT && err->kind != ERR_IO)
            return false;
        err_clear(err); /* who reads it tells */
    }
    mem_grow(db->doubts.items, struct doubt, db->doubts.count, &db->doubts.cap);
    db->doubts.items[db->doubts.count++] = settled;
    return true;
}

/* Forgets blocks that are gone. */
static void db_trim_doubts(struct db *db)
{
    size_t kept = 0;
    for (size_t i = 0; i < db->doubts.count; i++) {
        bool there = false;
        for (size_t k = 0; k < db->blocks.count && !there; k++)
            there = strcmp(block_meta(db->blocks.items[k])->ulid.text,
                           db->doubts.items[i].ulid.text) == 0;
        if (there)
            db->doubts.items[kept++] = db->doubts.items[i];
    }
    db->doubts.count = kept;
}

bool db_settle_doubts(struct db *db, struct err *err)
{
    db_trim_doubts(db);
    int64_t end_ms = db_blocks_end(db);
    for (size_t i = 0; i < db->blocks.count; i++) {
        const struct block_meta *meta = block_meta(db->blocks.items[i]);
        if (meta->beside_head || meta->ends_head || meta->end_ms <= end_ms ||
            !head_is_past(db, meta->end_ms) || db_find_doubt(db, &meta->ulid))
            continue;
        if (db_settle(db, meta, err))
            continue;
        if (err->kind != ERR_CANCELED)
            return false;
        err_clear(err); /* the database is being closed */
        return true;
    }
    return true;
}
