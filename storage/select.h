#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

/*
 * The border between storage and engine: matchers and a time range in; series with their labels,
 * and cursors over their samples, out. A local database, a remote one and the merge of several all
 * answer behind these calls.
 */
struct chain;
struct storage; /* what can be selected from: first member of each implementation */
struct selection;

struct select_request {
    struct matcher *const *matchers; /* all must match */
    size_t matcher_count;
    /*
     * Samples of [begin_ms, end_ms] are wanted, both ends included. Behind each other the wrong way
     * round, as a client may give them, they mean what they mean to Prometheus: chunks that hold
     * both.
     */
    int64_t begin_ms;
    int64_t end_ms;
    /*
     * What the whole query looks at, of which this is a part; both 0: nothing else. It decides only
     * the order: see storage_select.
     */
    int64_t whole_begin_ms;
    int64_t whole_end_ms;
    /*
     * Where the answer lives: labels in the arena, as symbols of the table. What grows with the
     * number of series is charged to the budget (the arena charges it already; heap is charged by
     * hand).
     */
    struct arena *arena;
    struct symbols *symbols;
    struct budget *budget;
    const _Atomic bool *cancel; /* looked at now and then; NULL: never */
    int64_t deadline_ns;        /* clock_monotonic_ns, for who has to wait; 0: none */
    bool labels_only;           /* no cursor will be made */
    /*
     * Of each series only the newest sample of the range counts, be it a stale marker: others may
     * be left out, where that spares decoding them.
     */
    bool newest_only;
    /* Told what is missing from an answer that is given all the same. NULL: nobody listens. */
    void (*warn)(void *context, const char *message);
    void *warn_context;
};

/*
 * Every series with at least one chunk that overlaps the range; equal label sets of several sources
 * are one series. The order is Prometheus's: sorted by labels, unless only the head has anything of
 * the time that the whole query looks at: the head gives its series in the order they came.
 *
 * The selection keeps all it lends (mapped files, labels of the head) alive until it is closed.
 *
 * ERR_CANCELED; ERR_LIMIT: the budget, or a limit that the message names; ERR_CORRUPT, naming what
 * is damaged; ERR_IO and ERR_TIMEOUT from other servers.
 *
 * Thread: any number may ask a storage at once; a request with its arena, symbols and selection
 * belongs to one. selection_labels and selection_may_hold_histograms: any.
 */
bool storage_select(struct storage *storage, const struct select_request *request,
                    struct selection **ret_selection, struct err *err) MUST_CHECK;
void selection_close(struct selection *selection);

size_t selection_count(const struct selection *selection);
const struct labels *selection_labels(const struct selection *selection, size_t series);

/*
 * Has the series a chunk of native histograms in the range? Cheap: nothing is decoded. Also true
 * where that cannot be told.
 */
bool selection_may_hold_histograms(struct selection *selection, size_t series);

/*
 * Reads one series, front to back, in pieces of whole chunks. Overlapping chunks are merged, equal
 * times counted once, deleted ranges left out. Samples outside the range asked for may come too:
 * whole chunks are decoded. Stale markers come as samples.
 *
 * Threads: cursors of one selection may run on several threads at once, one thread a cursor.
 * A cursor is reused: opening another series on it keeps its buffers.
 */
struct cursor;

struct cursor *cursor_create(struct selection *selection);
void cursor_destroy(struct cursor *cursor);
void cursor_open(struct cursor *cursor, size_t series);

/*
 * Appends the samples of the next chunk (or of a group of overlapping ones, or of a few that are
 * decoded at once) to `into`, floats and native histograms apart, none of either before what
 * earlier calls appended of both; no time is in both. *ret_more: false when the series has ended
 * and nothing was appended. ERR_UNSUPPORTED for native histograms where into->histograms is NULL,
 * ERR_CORRUPT for a damaged chunk.
 *
 * A histogram's hint is HISTOGRAM_GAUGE, or NOT_RESET behind another one of its chunk, or UNKNOWN;
 * totals_only changes that as model/histogram_samples.h says. Whoever asks for totals asks from
 * cursor_open on.
 */
bool cursor_next(struct cursor *cursor, struct samples *into, bool *ret_more, struct err *err)
    MUST_CHECK;

/* A chunk as files and remote read have it. */
struct stored_chunk {
    int64_t begin_ms;    /* of its first sample, */
    int64_t end_ms;      /* and of its last one */
    const uint8_t *data; /* what chunk_decode takes; until the next call on the cursor */
    size_t size;
    uint8_t encoding; /* enum chunk_encoding */
    /*
     * The sample in front of the first one was in the same chunk and is cut off: who reads
     * histograms one by one learns that the counter did not begin anew.
     */
    bool goes_on;
};

/*
 * For who hands chunks on: the next chunk of the series, with samples of the range asked for alone.
 * It is the stored one wherever all its samples are wanted and none of another chunk lies between
 * them; else those that are wanted are packed anew. *ret_more: false when the series has ended.
 *
 * Not between calls of cursor_next on the same series. ERR_CORRUPT as there; chunks that are handed
 * on as they are stored are not decoded.
 */
bool cursor_next_chunk(struct cursor *cursor, struct stored_chunk *ret_chunk, bool *ret_more,
                       struct err *err) MUST_CHECK;

/* What the names and values are, without samples. Sorted, each once; texts in the arena. */
struct names_request {
    struct matcher *const *const *matcher_sets; /* or-ed; none: everything */
    const size_t *matcher_counts;
    size_t set_count;
    int64_t begin_ms;
    int64_t end_ms;
    struct arena *arena;
    size_t limit; /* 0: none; one more than the limit may be returned, to tell that it was cut */
    /* As in select_request, for who has to select to find them. */
    struct budget *budget;
    const _Atomic bool *cancel;
    void (*warn)(void *context, const char *message);
    void *warn_context;
};

struct names {
    struct str *items;
    size_t count;
};

bool storage_label_names(struct storage *storage, const struct names_request *request,
                         struct names *ret_names, struct err *err) MUST_CHECK;
bool storage_label_values(struct storage *storage, const struct names_request *request,
                          struct str name, struct names *ret_names, struct err *err) MUST_CHECK;

/* What an implementation gives. */
struct storage_class {
    const char *name;
    bool (*select)(struct storage *storage, const struct select_request *request,
                   struct selection **ret_selection, struct err *err);
    bool (*label_names)(struct storage *storage, const struct names_request *request,
                        struct names *ret_names, struct err *err);
    bool (*label_values)(struct storage *storage, const struct names_request *request,
                         struct str name, struct names *ret_names, struct err *err);
};

struct storage {
    const struct storage_class *class;
};

struct selection_class {
    bool (*may_hold_histograms)(struct selection *selection, size_t series);
    struct cursor *(*cursor_create)(struct selection *selection);
    void (*cursor_destroy)(struct cursor *cursor);
    void (*cursor_open)(struct cursor *cursor, size_t series);
    bool (*cursor_next)(struct cursor *cursor, struct samples *into, bool *ret_more,
                        struct err *err);
    bool (*cursor_next_chunk)(struct cursor *cursor, struct stored_chunk *ret_chunk, bool *ret_more,
                              struct err *err);
    /*
     * The chunks of the open series, for who merges several selections: storage/chain.h. NULL with
     * the error. Behind this call neither of the two above.
     */
    struct chain *(*cursor_chain)(struct cursor *cursor, struct err *err);
    void (*close)(struct selection *selection);
};

/* First member of each implementation's selection and cursor. */
struct selection {
    const struct selection_class *class;
    const struct labels **labels;
    size_t count;
};

struct cursor {
    struct selection *selection;
};

DEFINE_AUTO(struct selection *, selection_close)
DEFINE_AUTO(struct cursor *, cursor_destroy)
