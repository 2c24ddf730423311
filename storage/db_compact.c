/*
 * One round: first the head, a range after the other, for its memory is what runs out; then its log
 * is cut, and what came out of order becomes blocks of its own; then what is obsolete goes, for the
 * sake of the disk; then blocks become longer ones, one at a time, unless the head has become ripe
 * meanwhile.
 *
 * Nothing is taken away before what stands for it can be seen: a block is written, listed by a
 * refresh, found in the list; only then the head is cut, or the parents are removed. A process that
 * ends in between leaves both, which selects merge, and the next round goes on from there.
 *
 * What goes wrong is tried again, later and later. Only what is damaged is marked as failed, and is
 * left out from then on: a full disk is not the fault of the blocks.
 */
#include "storage/db_compact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "storage/db_internal.h"
#include "storage/late_samples.h"

#define COMPACT_INTERVAL_MS 60000

/* How long it is waited behind a failure: longer each time. */
#define COMPACT_BACKOFF_MIN_MS 1000
#define COMPACT_BACKOFF_MAX_MS 60000

const struct classic_scale compact_duration_scale = {
    1e9, 14, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192}};
const struct classic_scale compact_cleanup_scale = {.unit = 1e9}; /* Prometheus's has none either */

void db_compact_hold(struct db *db)
{
    pthread_mutex_lock(&db->compactor.running);
}

void db_compact_release(struct db *db)
{
    pthread_mutex_unlock(&db->compactor.running);
}

struct compact_options db_compact_options(struct db *db)
{
    return (struct compact_options){
        .dir = db->path,
        .budget = &db->compactor.budget,
        .cancel = &db->compactor.cancel,
        .chunk_counts = &db->compactor.histograms.chunks,
    };
}

void db_compact_stats(struct db *db, struct db_compact_stats *ret_stats)
{
    pthread_mutex_lock(&db->lock);
    *ret_stats = db->compactor.stats;
    for (size_t i = 0; i < db->blocks.count; i++)
        ret_stats->block_bytes += block_size_bytes(db->blocks.items[i]);
    pthread_mutex_unlock(&db->lock);
    ret_stats->memory_peak_bytes = atomic_load(&db->compactor.budget.peak_bytes);
}

const struct compact_histograms *db_compact_histograms(const struct db *db)
{
    return &db->compactor.histograms;
}

static void count_one(struct db *db, uint64_t *counter)
{
    pthread_mutex_lock(&db->lock);
    ++*counter;
    pthread_mutex_unlock(&db->lock);
}

static int64_t write_begin(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    db->compactor.stats.is_writing = true;
    pthread_mutex_unlock(&db->lock);
    return clock_monotonic_ns();
}

/* Counts a block that was written, or was not; answers how many seconds it took. */
static double write_end(struct db *db, int64_t begin_ns)
{
    int64_t took_ns = clock_monotonic_ns() - begin_ns;
    classic_histogram_observe(&db->compactor.histograms.duration_ns, &compact_duration_scale,
                              (uint64_t)took_ns);
    struct db_compact_stats *stats = &db->compactor.stats;
    pthread_mutex_lock(&db->lock);
    stats->is_writing = false;
    stats->written_total++;
    pthread_mutex_unlock(&db->lock);
    return (double)took_ns / 1e9;
}

/* "3 series, 40 samples, in 0.012 s", behind what was done. */
static void tell_written(const struct db *db, const char *what, const struct compact_result *made,
                         double seconds)
{
    AUTO(buf_done) struct buf text = {0};
    if (made->written)
        buf_printf(&text, "block %s: %s: %llu series, %llu samples, in %.3f s", made->ulid.text,
                   what, (unsigned long long)made->series_count,
                   (unsigned long long)made->sample_count, seconds);
    else
        buf_printf(&text, "%s: nothing is left, and there is no block", what);
    db_info(db, buf_terminated(&text));
}

/*
 * Lists the blocks anew; one that was made must be among them. If it cannot be opened, nobody has
 * seen it, and it is taken away. If the list cannot be made, it stays: another refresh may have
 * shown it, and cut the head behind it.
 */
static bool db_show(struct db *db, const struct compact_result *made, struct err *err)
{
    if (!db_refresh(db, err))
        return false;
    if (!made->written || db_has_block(db, &made->ulid))
        return true;
    bool stays;
    if (!db_discard_block(db, &made->ulid, &stays, err))
        return false;
    return stays ||
           err_set(err, ERR_IO, "block %s cannot be opened after it was written", made->ulid.text);
}

bool db_compact_settle(struct db *db, const struct compact_result *made, struct err *err)
{
    return db_show(db, made, err) && db_remove_obsolete(db, err);
}

/* The end of the aligned range that has the time, as Go divides. */
static int64_t range_end(int64_t t_ms, int64_t range_ms)
{
    int64_t end_ms;
    if (__builtin_add_overflow(t_ms / range_ms * range_ms, range_ms, &end_ms))
        return INT64_MAX;
    return end_ms;
}

/*
 * The oldest range of the head becomes a block, and goes out of memory. The head is ripe, so what
 * is still appended is later than the range; but a batch may have been checked before it was.
 */
static bool db_compact_head_range(struct db *db, int64_t *ret_end_ms, struct err *err)
{
    struct compact_options options = db_compact_options(db);
    struct compact_result made = {0};
    int64_t begin_ms, newest_ms;
    head_range(db->head, &begin_ms, &newest_ms);
    int64_t end_ms = range_end(begin_ms, db->options.block_range_ms);
    head_settle(db->head);

    int64_t begin_ns = write_begin(db);
    bool good = compact_head(db->head, begin_ms, end_ms, &options, &made, err);
    double seconds = write_end(db, begin_ns);
    if (!good)
        return err_wrap(err, "a block of the head");
    char what[96];
    snprintf(what, sizeof what, "head from %lld to %lld", (long long)begin_ms, (long long)end_ms);
    tell_written(db, what, &made, seconds);
    if (!db_show(db, &made, err))
        return false;

    bool cut = head_refresh(db->head, end_ms, err);
    count_one(db, &db->compactor.stats.head_truncations_total);
    if (!cut)
        count_one(db, &db->compactor.stats.head_truncations_failed_total);
    if (cut)
        *ret_end_ms = end_ms;
    return cut;
}

/* The begin of the aligned range that has the time, before 1970 too: nothing is left out. */
static int64_t range_begin(int64_t t_ms, int64_t range_ms)
{
    int64_t past_ms = t_ms % range_ms, begin_ms;
    if (past_ms < 0)
        past_ms += range_ms;
    return __builtin_sub_overflow(t_ms, past_ms, &begin_ms) ? INT64_MIN : begin_ms;
}

static bool db_compact_late_range(struct db *db, int64_t begin_ms, int64_t end_ms, struct err *err)
{
    struct compact_options options = db_compact_options(db);
    struct compact_result made = {0};
    int64_t begin_ns = write_begin(db);
    bool good = compact_late(db->head, begin_ms, end_ms, &options, &made, err);
    double seconds = write_end(db, begin_ns);
    if (!good)
        return err_wrap(err, "a block of samples out of order");
    if (!made.written) /* a window may be long, and most of it empty */
        return true;
    char what[96];
    snprintf(what, sizeof what, "out of order from %lld to %lld", (long long)begin_ms,
             (long long)end_ms);
    tell_written(db, what, &made, seconds);
    return db_show(db, &made, err);
}

/* What came out of order goes into blocks beside the others; later ones merge them. */
static bool db_compact_late(struct db *db, struct err *err)
{
    int64_t range_ms = db->options.block_range_ms, begin_ms, end_ms;
    uint32_t mark;
    if (!late_samples_cut(db->head, &mark, err))
        return false;
    if (mark == 0 || !late_samples_range(db->head, &begin_ms, &end_ms))
        return true;
    for (int64_t at_ms = range_begin(begin_ms, range_ms); at_ms <= end_ms;) {
        int64_t next_ms = range_end(at_ms, range_ms);
        if (!db_compact_late_range(db, at_ms, next_ms, err))
            return false;
        if (next_ms == INT64_MAX)
            break;
        at_ms = next_ms;
    }
    return late_samples_trim(db->head, mark, err);
}

/* What fails behind the blocks is due in the next round, and not only behind the next block. */
static bool db_compact_heads(struct db *db, struct err *err)
{
    struct db_compactor *compactor = &db->compactor;
    bool good = true;
    while (good && head_is_ripe(db->head, db->options.block_range_ms))
        good = db_compact_head_range(db, &compactor->cut_ms, err);
    if (compactor->cut_ms == INT64_MIN)
        return good;
    struct err cut_err = {0};
    bool cut = late_samples_settle(db->head, &cut_err) &&
               head_truncate(db->head, compactor->cut_ms, &compactor->cancel, &cut_err) &&
               (!good || db_compact_late(db, &cut_err));
    if (good && cut)
        compactor->cut_ms = INT64_MIN;
    else if (good)
        *err = cut_err;
    return good && cut;
}

static bool blocks_mark(const struct block_list *blocks, bool failed, bool deletable,
                        struct err *err)
{
    for (size_t i = 0; i < blocks->count; i++)
        if (!block_meta_mark(block_dir(blocks->items[i]), failed, deletable, err))
            return false;
    return true;
}

/*
 * Blocks that may become longer ones. Late samples of a time that the head still holds stay by
 * themselves: merged with others, their block would say that all of its range is in blocks, and who
 * opens the directory, a Prometheus too, would leave the head's samples of it in the log.
 */
static struct block_list db_settled_blocks(struct db *db)
{
    struct block_list settled = {0};
    AUTO(block_list_done) struct block_list all = db_blocks_in(db, INT64_MIN, INT64_MAX);
    int64_t begin_ms, newest_ms;
    head_range(db->head, &begin_ms, &newest_ms);
    for (size_t i = 0; i < all.count; i++) {
        const struct block_meta *meta = block_meta(all.items[i]);
        if (!(meta->beside_head && begin_ms <= newest_ms && meta->end_ms > begin_ms))
            block_list_add(&settled, block_ref(all.items[i]));
    }
    return settled;
}

/* The blocks that are to become one; none: nothing is to be done. */
static struct block_list db_plan(struct db *db)
{
    struct block_list chosen = {0};
    AUTO(block_list_done) struct block_list all = db_settled_blocks(db);
    const struct block_meta **metas = mem_new_array(const struct block_meta *, all.count);
    size_t *places = mem_new_array(size_t, all.count);
    for (size_t i = 0; i < all.count; i++)
        metas[i] = block_meta(all.items[i]);
    size_t count = compact_plan(metas, all.count, &db->compactor.ranges, places);
    for (size_t i = 0; i < count; i++)
        block_list_add(&chosen, block_ref(all.items[places[i]]));
    free(metas);
    free(places);
    return chosen;
}

static bool blocks_overlap(const struct block_list *blocks)
{
    for (size_t i = 1; i < blocks->count; i++)
        if (block_meta(blocks->items[i])->begin_ms < block_meta(blocks->items[i - 1])->end_ms)
            return true;
    return false;
}

/* What is damaged stays so, and is not tried again. */
static void db_compact_failed(struct db *db, const struct block_list *blocks, struct err *err)
{
    struct err mark_err = {0};
    if (err->kind == ERR_CORRUPT && !blocks_mark(blocks, true, false, &mark_err))
        db_warn(db, mark_err.msg);
    err_wrap(err, "%zu blocks from %s on", blocks->count, block_meta(blocks->items[0])->ulid.text);
}

static bool db_compact_chosen(struct db *db, const struct block_list *blocks, struct err *err)
{
    struct compact_options options = db_compact_options(db);
    struct compact_result made = {0};
    if (blocks_overlap(blocks))
        count_one(db, &db->compactor.stats.vertical_total);
    int64_t begin_ns = write_begin(db);
    bool good = compact_blocks(blocks->items, blocks->count, &options, &made, err);
    double seconds = write_end(db, begin_ns);
    if (!good) {
        db_compact_failed(db, blocks, err);
        return false;
    }
    char what[96];
    snprintf(what, sizeof what, "made of %zu blocks from %s on", blocks->count,
             block_meta(blocks->items[0])->ulid.text);
    tell_written(db, what, &made, seconds);
    if (!made.written && !blocks_mark(blocks, false, true, err))
        return false;
    return db_compact_settle(db, &made, err);
}

/* Longer blocks, until there is nothing to do or the head waits. */
static bool db_compact_levels(struct db *db, struct err *err)
{
    while (!head_is_ripe(db->head, db->options.block_range_ms)) {
        AUTO(block_list_done) struct block_list chosen = db_plan(db);
        if (chosen.count == 0)
            return true;
        if (!db_compact_chosen(db, &chosen, err))
            return false;
    }
    return true;
}

bool db_compact(struct db *db, struct err *err)
{
    if (db->options.read_only)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", db->path);
    struct compact_result none = {0};
    struct err settle_err = {0};
    db_compact_hold(db);
    count_one(db, &db->compactor.stats.triggered_total);
    bool good = db_compact_heads(db, err);
    bool settled = db_compact_settle(db, &none, &settle_err); /* makes room on a full disk, too */
    if (good && !settled)
        *err = settle_err;
    good = good && settled && db_compact_levels(db, err);
    db_compact_release(db);
    if (!good && err->kind != ERR_CANCELED)
        count_one(db, &db->compactor.stats.failed_total);
    return good;
}

void *db_compact_thread(void *context)
{
    struct db *db = context;
    int64_t interval_ms = db->options.compact_ms ? db->options.compact_ms : COMPACT_INTERVAL_MS;
    int64_t backoff_ms = 0;
    bool go_on = true;
    while (go_on) {
        struct err err = {0};
        bool good = db_compact(db, &err);
        if (!good && err.kind == ERR_CANCELED)
            break;
        db_thread_result(db, &db->compact_thread, good, &err);
        backoff_ms = good ? 0 : backoff_ms * 2;
        if (!good && backoff_ms < COMPACT_BACKOFF_MIN_MS)
            backoff_ms = COMPACT_BACKOFF_MIN_MS;
        if (backoff_ms > COMPACT_BACKOFF_MAX_MS)
            backoff_ms = COMPACT_BACKOFF_MAX_MS;
        go_on =
            good ? db_wait(db, &db->compact_thread, interval_ms) : db_wait(db, NULL, backoff_ms);
    }
    return NULL;
}
