#include "storage/merge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/cond.h"
#include "base/mem.h"
#include "storage/merge_names.h"
#include "storage/merge_select.h"

/* How often it is looked whether the answer is still wanted. */
#define LOOK_PERIOD_NS 50000000

struct askings;

/* What one server is asked, on a thread of its own. */
struct asking {
    struct askings *all;
    struct read_client *client;
    struct select_request request;
    pthread_t thread;
    bool has_thread;
    struct spool *spool; /* NULL: it failed, or was left out */
    struct err err;
};

/* All servers that one select asks: the first failure that counts ends the others. */
struct askings {
    struct asking *items;
    size_t count;
    const _Atomic bool *cancel; /* of who asks us */
    _Atomic bool stop;          /* what the servers' requests look at */
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    size_t running;
    const struct asking *failed; /* whose failure is the select's; NULL: none yet */
};

struct merge *merge_of(struct storage *storage)
{
    return CONTAINER(struct merge, storage, storage);
}

/* May the answer be given without this server's part? Not where it is we who end the query. */
static bool asking_is_spared(const struct asking *asking)
{
    enum err_kind kind = asking->err.kind;
    return read_client_options(asking->client)->partial && kind != ERR_CANCELED &&
           kind != ERR_LIMIT && kind != ERR_TIMEOUT;
}

static void *asking_run(void *context)
{
    struct asking *asking = context;
    struct askings *all = asking->all;
    err_clear(&asking->err);
    bool good = read_client_fetch(asking->client, &asking->request, &asking->spool, &asking->err);
    pthread_mutex_lock(&all->mutex);
    if (!good && !asking_is_spared(asking) && !all->failed) {
        all->failed = asking;
        atomic_store(&all->stop, true);
    }
    all->running--;
    pthread_cond_signal(&all->ended);
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

static void askings_init(struct askings *all, const struct merge *merge,
                         const struct select_request *request)
{
    *all = (struct askings){.cancel = request->cancel};
    all->items = mem_new_array(struct asking, merge->options.client_count);
    pthread_mutex_init(&all->mutex, NULL);
    pthread_cond_init(&all->ended, NULL);
    int64_t local_begin_ms = merge->options.local_begin_ms(merge->options.context);
    for (size_t i = 0; i < merge->options.client_count; i++) {
        struct asking *asking = &all->items[all->count];
        *asking =
            (struct asking){.all = all, .client = merge->options.clients[i], .request = *request};
        asking->request.cancel = &all->stop;
        all->count += read_client_wants(asking->client, &asking->request, local_begin_ms);
    }
}

static void askings_done(struct askings *all)
{
    for (size_t i = 0; i < all->count; i++)
        spool_destroy(all->items[i].spool);
    pthread_cond_destroy(&all->ended);
    pthread_mutex_destroy(&all->mutex);
    free(all->items);
}

static void askings_start(struct askings *all)
{
    all->running = all->count;
    for (size_t i = 0; i < all->count; i++) {
        struct asking *asking = &all->items[i];
        asking->has_thread = pthread_create(&asking->thread, NULL, asking_run, asking) == 0;
    }
}

/* Waits for all of them, and hands on that nobody wants the answer any more. */
static void askings_wait(struct askings *all)
{
    for (size_t i = 0; i < all->count; i++)
        if (!all->items[i].has_thread)
            asking_run(&all->items[i]);
    pthread_mutex_lock(&all->mutex);
    while (all->running > 0) {
        cond_wait_until(&all->ended, &all->mutex, clock_monotonic_ns() + LOOK_PERIOD_NS);
        if (all->cancel && atomic_load_explicit(all->cancel, memory_order_relaxed))
            atomic_store(&all->stop, true);
    }
    pthread_mutex_unlock(&all->mutex);
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].has_thread)
            pthread_join(all->items[i].thread, NULL);
}

/* The servers' parts, selected from, behind the local one. */
static bool askings_select(struct askings *all, const struct select_request *request,
                           struct merge_selection *selection, struct err *err)
{
    if (all->failed)
        return err_set(err, all->failed->err.kind, "%s", all->failed->err.msg);
    for (size_t i = 0; i < all->count; i++) {
        struct asking *asking = &all->items[i];
        struct selection *child = NULL;
        asking->request.cancel = request->cancel;
        if (asking->spool && !read_client_select(asking->client, &asking->request,
                                                 TAKE(asking->spool), &child, &asking->err))
            child = NULL;
        if (child)
            merge_selection_take(selection, child);
        else if (!asking_is_spared(asking))
            return err_set(err, asking->err.kind, "%s", asking->err.msg);
        else if (request->warn)
            request->warn(request->warn_context, asking->err.msg);
    }
    return true;
}

static bool merge_select_of(struct merge *merge, const struct select_request *request,
                            struct askings *all, struct selection **ret_selection, struct err *err)
{
    struct selection *local = NULL;
    struct select_request of_local = *request;
    of_local.newest_only = false; /* as with blocks beside a head: the others may have its time */
    askings_start(all);
    bool good = storage_select(merge->options.local, &of_local, &local, err);
    if (!good)
        atomic_store(&all->stop, true);
    askings_wait(all);
    if (!good)
        return false;
    struct merge_selection *selection = merge_selection_create(request, 1 + all->count);
    merge_selection_take(selection, local);
    if (askings_select(all, request, selection, err) &&
        merge_selection_settle(selection, request, err)) {
        *ret_selection = &selection->base;
        return true;
    }
    selection_close(&selection->base);
    return false;
}

static bool merge_select(struct storage *storage, const struct select_request *request,
                         struct selection **ret_selection, struct err *err)
{
    struct merge *merge = merge_of(storage);
    struct askings all;
    askings_init(&all, merge, request);
    bool good = all.count == 0 ? storage_select(merge->options.local, request, ret_selection, err)
                               : merge_select_of(merge, request, &all, ret_selection, err);
    askings_done(&all);
    return good;
}

static const struct storage_class merge_class = {
    .name = "merge",
    .select = merge_select,
    .label_names = merge_label_names,
    .label_values = merge_label_values,
};

struct storage *merge_create(const struct merge_options *options)
{
    struct merge *merge = mem_new(struct merge);
    merge->storage.class = &merge_class;
    merge->options = *options;
    return &merge->storage;
}

void merge_destroy(struct storage *storage)
{
    if (storage)
        free(merge_of(storage));
}
