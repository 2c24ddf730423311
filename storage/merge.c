#include "storage/merge.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "storage/merge_names.h"
#include "storage/merge_select.h"

/* What one server is asked, on a thread of its own. */
struct asking {
    struct read_client *client;
    struct select_request request;
    pthread_t thread;
    bool has_thread;
    struct spool *spool; /* NULL: it failed, or was left out */
    struct err err;
};

struct merge *merge_of(struct storage *storage)
{
    return CONTAINER(struct merge, storage, storage);
}

static void *asking_run(void *context)
{
    struct asking *asking = context;
    err_clear(&asking->err);
    if (!read_client_fetch(asking->client, &asking->request, &asking->spool, &asking->err))
        asking->spool = NULL;
    return NULL;
}

static void askings_start(struct asking *askings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        askings[i].has_thread =
            pthread_create(&askings[i].thread, NULL, asking_run, &askings[i]) == 0;
}

static void askings_wait(struct asking *askings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (askings[i].has_thread)
            pthread_join(askings[i].thread, NULL);
        else
            asking_run(&askings[i]);
}

/* May the answer be given without this server's part? Not where it is we who end the query. */
static bool asking_is_spared(const struct asking *asking)
{
    enum err_kind kind = asking->err.kind;
    return read_client_options(asking->client)->partial && kind != ERR_CANCELED &&
           kind != ERR_LIMIT && kind != ERR_TIMEOUT;
}

/* The servers' parts, selected from, behind the local one. */
static bool askings_select(struct asking *askings, size_t count,
                           const struct select_request *request, struct merge_selection *selection,
                           struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct asking *asking = &askings[i];
        struct selection *child = NULL;
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
                            struct asking *askings, size_t count, struct selection **ret_selection,
                            struct err *err)
{
    struct selection *local = NULL;
    askings_start(askings, count);
    bool good = storage_select(merge->options.local, request, &local, err);
    askings_wait(askings, count);
    if (!good)
        return false;
    struct merge_selection *selection = merge_selection_create(request, 1 + count);
    merge_selection_take(selection, local);
    if (askings_select(askings, count, request, selection, err) &&
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
    int64_t local_begin_ms = merge->options.local_begin_ms(merge->options.context);
    struct asking *askings = mem_new_array(struct asking, merge->options.client_count);
    size_t count = 0;
    for (size_t i = 0; i < merge->options.client_count; i++) {
        struct asking *asking = &askings[count];
        asking->client = merge->options.clients[i];
        asking->request = *request;
        count += read_client_wants(asking->client, &asking->request, local_begin_ms);
    }
    bool good = count == 0 ? storage_select(merge->options.local, request, ret_selection, err)
                           : merge_select_of(merge, request, askings, count, ret_selection, err);
    for (size_t i = 0; i < count; i++)
        spool_destroy(askings[i].spool);
    free(askings);
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
