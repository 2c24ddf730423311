#include "query-tee/summary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Of each text of a difference. */
#define TEXT_SIZE_MAX ((size_t)16 << 10)

struct summary {
    pthread_mutex_t mutex;
    struct summary_backend *backends;
    struct summary_difference differences[SUMMARY_DIFFERENCES_MAX]; /* a ring */
    uint64_t difference_count;                                      /* there ever were */
};

struct summary *summary_create(size_t backend_count)
{
    struct summary *summary = mem_new(struct summary);
    summary->backends = mem_new_array(struct summary_backend, backend_count);
    pthread_mutex_init(&summary->mutex, NULL);
    return summary;
}

static void difference_done(struct summary_difference *difference)
{
    const char *texts[] = {difference->route, difference->backend, difference->query,
                           difference->classes, difference->line};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        free((void *)(uintptr_t)texts[i]);
    *difference = (struct summary_difference){0};
}

void summary_destroy(struct summary *summary)
{
    if (!summary)
        return;
    for (size_t i = 0; i < SUMMARY_DIFFERENCES_MAX; i++)
        difference_done(&summary->differences[i]);
    free(summary->backends);
    pthread_mutex_destroy(&summary->mutex);
    free(summary);
}

void summary_add_answer(struct summary *summary, size_t backend, bool failed, int64_t latency_ns,
                        uint64_t size)
{
    pthread_mutex_lock(&summary->mutex);
    struct summary_backend *to = &summary->backends[backend];
    to->answers++;
    to->failures += failed;
    sketch_add(&to->latencies_us, (uint64_t)latency_ns / 1000);
    sketch_add(&to->sizes, size);
    pthread_mutex_unlock(&summary->mutex);
}

void summary_add_verdict(struct summary *summary, size_t backend, enum summary_verdict verdict)
{
    pthread_mutex_lock(&summary->mutex);
    summary->backends[backend].verdicts[verdict]++;
    pthread_mutex_unlock(&summary->mutex);
}

/* The front of a text; of JSON the whole or nothing. */
static const char *text_keep(const char *text, bool whole)
{
    size_t len = strlen(text);
    if (len > TEXT_SIZE_MAX) {
        if (whole)
            return mem_strdup("");
        len = TEXT_SIZE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    char *kept = mem_new_array(char, len + 1);
    snprintf(kept, len + 1, "%s", text);
    return kept;
}

void summary_add_difference(struct summary *summary, const struct summary_difference *difference)
{
    struct summary_difference kept = {
        .time_ms = difference->time_ms,
        .route = text_keep(difference->route, false),
        .backend = text_keep(difference->backend, false),
        .query = text_keep(difference->query, false),
        .classes = text_keep(difference->classes, false),
        .line = text_keep(difference->line, true),
    };
    pthread_mutex_lock(&summary->mutex);
    struct summary_difference *to =
        &summary->differences[summary->difference_count++ % SUMMARY_DIFFERENCES_MAX];
    struct summary_difference old = *to;
    *to = kept;
    pthread_mutex_unlock(&summary->mutex);
    difference_done(&old);
}

void summary_backend(struct summary *summary, size_t backend, struct summary_backend *ret_backend)
{
    pthread_mutex_lock(&summary->mutex);
    *ret_backend = summary->backends[backend];
    pthread_mutex_unlock(&summary->mutex);
}

void summary_each_difference(struct summary *summary,
                             void (*take)(void *context,
                                          const struct summary_difference *difference),
                             void *context)
{
    pthread_mutex_lock(&summary->mutex);
    uint64_t count = summary->difference_count;
    if (count > SUMMARY_DIFFERENCES_MAX)
        count = SUMMARY_DIFFERENCES_MAX;
    for (uint64_t i = 1; i <= count; i++)
        take(context,
             &summary->differences[(summary->difference_count - i) % SUMMARY_DIFFERENCES_MAX]);
    pthread_mutex_unlock(&summary->mutex);
}
