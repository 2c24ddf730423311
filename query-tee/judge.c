/*
 * A match is one comparison, of the preferred backend with another, and goes this way:
 *
 *     judge_take  ->  queue  ->  compared: alike, or left out              -> told
 *                       ^        different, the first time -> later
 *                       |                                      |  the delay
 *                       `--- asked again, both of them <-------'
 *                                                different, the second time  -> told
 *
 * Those that are to be compared at another time begin in `later`. `queue` is bounded for what comes
 * from clients; `later` and what is asked again are bounded together.
 */
#include "query-tee/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/mem.h"
#include "query-tee/compare.h"
#include "query-tee/incoming.h"
#include "query-tee/reach.h"
#include "query-tee/tee.h"
#include "query-tee/teller.h"

#define THREADS_MAX 64

struct match {
    struct match *next;
    struct judge *judge;
    struct backend *other;
    struct round *round; /* with both answers; NULL in `later` */
    bool again;
    int64_t due_ns; /* in `later`, with what is to be asked */
    struct arena *arena;
    struct round_request request;
};

struct judge {
    struct tee *tee;
    struct compare_options options;
    struct teller *teller;
    pthread_t threads[THREADS_MAX];
    size_t thread_count;
    pthread_t clerk; /* asks what is due */
    bool clerk_there;

    pthread_mutex_t mutex;
    pthread_cond_t match_came;
    pthread_cond_t later_changed;
    struct match *queue;
    struct match **queue_end;
    size_t queue_count;
    struct match *later;
    struct match **later_end;
    size_t again_count; /* in `later` or being asked */
    size_t running;
    size_t sleeping; /* threads without a match */
    bool hurried;    /* nothing in `later` waits for its time */
    bool ending;
};

static void match_destroy(struct match *match)
{
    round_unref(match->round);
    arena_destroy(match->arena);
    free(match);
}

static struct match *match_create(struct judge *judge, struct backend *other)
{
    struct match *match = mem_new(struct match);
    match->judge = judge;
    match->other = other;
    return match;
}

/* With the mutex held. */
static void judge_push(struct judge *judge, struct match *match)
{
    match->next = NULL;
    *judge->queue_end = match;
    judge->queue_end = &match->next;
    judge->queue_count++;
    if (judge->sleeping > 0)
        pthread_cond_signal(&judge->match_came);
}

/* Asks both once more, in `delay_ms`, with all times moved back by `shift_ms`. */
static void judge_ask_later(struct judge *judge, const struct round_request *request,
                            struct backend *other, bool again, int64_t delay_ms, int64_t shift_ms)
{
    struct match *match = match_create(judge, other);
    struct err err;
    match->again = again;
    match->due_ns = clock_deadline_ns(clock_monotonic_ns(), delay_ms);
    match->arena = arena_create(&judge->tee->request_budget);
    bool good = incoming_copy(request, shift_ms, match->arena, &match->request, &err);
    pthread_mutex_lock(&judge->mutex);
    good = good && !judge->ending &&
           judge->again_count < (size_t)judge->tee->options.compare_queue_max;
    if (good) {
        *judge->later_end = match;
        judge->later_end = &match->next;
        judge->again_count++;
        pthread_cond_signal(&judge->later_changed);
    }
    pthread_mutex_unlock(&judge->mutex);
    if (!good) {
        teller_skip(judge->teller, request, other,
                    again ? "no_room_to_confirm" : "no_room_to_shift");
        match_destroy(match);
    }
}

/* Does it read samples that are younger than the shift? */
static bool request_is_fresh(const struct judge *judge, const struct round_request *request)
{
    int64_t shift_ms = judge->tee->options.shift_ms, newest_ms = request->end_ms;
    struct reach reach;
    if (shift_ms == 0 || !(route_is_instant(request->route) || route_is_range(request->route)))
        return false;
    if (request->start_ms != INT64_MIN && request->end_ms != INT64_MAX &&
        reach_of_query(request->promql, request->start_ms, request->end_ms,
                       judge->tee->options.lookback_ms, &reach))
        newest_ms = reach.newest_ms;
    return newest_ms > request->now_ms - shift_ms;
}

void judge_take(struct judge *judge, struct round *round)
{
    const struct tee_options *options = &judge->tee->options;
    const struct ask *preferred = round_ask_of(round, judge->tee->backends.preferred);
    if (!preferred)
        return;
    bool fresh = request_is_fresh(judge, &round->request);
    for (size_t i = 0; i < round->ask_count; i++) {
        struct backend *other = round->asks[i].backend;
        if (other->preferred)
            continue;
        if (fresh) {
            judge_ask_later(judge, &round->request, other, false, 0, options->shift_ms);
            continue;
        }
        pthread_mutex_lock(&judge->mutex);
        bool room = judge->queue_count < (size_t)options->compare_queue_max && !judge->ending;
        if (room) {
            struct match *match = match_create(judge, other);
            match->round = round_ref(round);
            judge_push(judge, match);
        }
        pthread_mutex_unlock(&judge->mutex);
        if (!room)
            teller_skip(judge->teller, &round->request, other, "queue_full");
    }
}

/* Both have answered again. */
static void match_asked(struct round *round, void *context)
{
    struct match *match = context;
    struct judge *judge = match->judge;
    match->round = round_ref(round);
    pthread_mutex_lock(&judge->mutex);
    judge->again_count--;
    judge_push(judge, match);
    pthread_mutex_unlock(&judge->mutex);
}

static void match_ask(struct match *match)
{
    struct tee *tee = match->judge->tee;
    struct backend *backends[] = {tee->backends.preferred, match->other};
    struct round *round =
        round_create(&tee->rounds, TAKE(match->arena), &match->request, backends,
                     ARRAY_COUNT(backends), (struct round_notice){match_asked, match});
    round_start(round, NULL);
    round_unref(round);
}

/* With the mutex held: the one that is due, taken out; or NULL, and when the next one will be. */
static struct match *judge_due(struct judge *judge, int64_t *ret_due_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    *ret_due_ns = INT64_MAX;
    for (struct match **link = &judge->later; *link; link = &(*link)->next) {
        struct match *match = *link;
        if (match->due_ns <= now_ns || judge->hurried) {
            *link = match->next;
            if (!*link)
                judge->later_end = link;
            match->next = NULL;
            return match;
        }
        if (match->due_ns < *ret_due_ns)
            *ret_due_ns = match->due_ns;
    }
    return NULL;
}

static void *judge_clerk(void *context)
{
    struct judge *judge = context;
    int64_t due_ns;
    pthread_setname_np(pthread_self(), "clerk");
    pthread_mutex_lock(&judge->mutex);
    while (!judge->ending) {
        struct match *match = judge_due(judge, &due_ns);
        if (match) {
            pthread_mutex_unlock(&judge->mutex);
            match_ask(match);
            pthread_mutex_lock(&judge->mutex);
        } else {
            cond_wait_until(&judge->later_changed, &judge->mutex, due_ns);
        }
    }
    pthread_mutex_unlock(&judge->mutex);
    return NULL;
}

/* Why these two cannot be compared, or NULL. */
static const char *asks_refusal(const struct ask *a, const struct ask *b)
{
    if (a->failure == ERR_CANCELED || b->failure == ERR_CANCELED)
        return "canceled";
    if (a->failure == ERR_LIMIT || b->failure == ERR_LIMIT)
        return "too_large";
    return a->status == 0 && b->status == 0 ? "no_answer" : NULL;
}

static struct compare_side compare_side_of(const struct ask *ask)
{
    return (struct compare_side){ask->body, ask->status, ask->content_type};
}

static void judge_match(struct judge *judge, struct match *match)
{
    struct round *round = match->round;
    const struct round_request *request = &round->request;
    const struct ask *a = round_ask_of(round, judge->tee->backends.preferred);
    const struct ask *b = round_ask_of(round, match->other);
    const char *refusal = asks_refusal(a, b);
    if (refusal) {
        teller_skip(judge->teller, request, match->other, refusal);
        return;
    }
    struct compare_request asked = {
        .kind = request->route->kind,
        .query = request->promql,
        .now_ms = request->now_ms,
        .step_ms = request->step_ms,
        .cancel = &judge->tee->cancel,
    };
    struct compare_side left = compare_side_of(a), right = compare_side_of(b);
    AUTO(comparison_done) struct comparison comparison = {0};
    compare_answers(&asked, &judge->options, &left, &right, &comparison);
    switch (comparison.result) {
    case COMPARE_SKIPPED:
        teller_skip(judge->teller, request, match->other, compare_skip_name(comparison.skip));
        break;
    case COMPARE_SAME:
        teller_same(judge->teller, request, match->other, match->again);
        break;
    case COMPARE_DIFFERENT:
        if (judge->tee->options.confirm && !match->again) {
            judge_ask_later(judge, request, match->other, true,
                            judge->tee->options.confirm_delay_ms, 0);
            break;
        }
        teller_different(judge->teller, a, b, &comparison);
        break;
    }
}

static void *judge_thread(void *context)
{
    struct judge *judge = context;
    pthread_setname_np(pthread_self(), "judge");
    pthread_mutex_lock(&judge->mutex);
    for (;;) {
        while (!judge->queue && !judge->ending) {
            judge->sleeping++;
            pthread_cond_wait(&judge->match_came, &judge->mutex);
            judge->sleeping--;
        }
        if (judge->ending)
            break;
        struct match *match = judge->queue;
        judge->queue = match->next;
        if (!judge->queue)
            judge->queue_end = &judge->queue;
        judge->queue_count--;
        judge->running++;
        pthread_mutex_unlock(&judge->mutex);
        judge_match(judge, match);
        match_destroy(match);
        pthread_mutex_lock(&judge->mutex);
        judge->running--;
    }
    pthread_mutex_unlock(&judge->mutex);
    return NULL;
}

static struct compare_options compare_options_of(const struct tee_options *options)
{
    struct compare_options made = COMPARE_DEFAULTS;
    made.tolerance_absolute = options->relative ? 0 : options->tolerance;
    made.tolerance_relative = options->relative ? options->tolerance : 0;
    made.tolerance_ulps = (uint64_t)options->ulps;
    made.bits = options->tolerance == 0 && options->ulps == 0;
    made.skip_recent_ms = options->skip_recent_ms;
    made.skip_before_ms = options->skip_before_ms;
    made.exact_errors = options->exact_errors;
    made.skip_preferred_failures = options->skip_failures;
    made.lookback_ms = options->lookback_ms;
    made.order = options->compare_order ? COMPARE_ORDER_PROMISED : COMPARE_ORDER_NEVER;
    made.examples_max = (size_t)options->report_examples;
    return made;
}

bool judge_create(struct tee *tee, struct judge **ret_judge, struct err *err)
{
    struct judge *judge = mem_new(struct judge);
    judge->tee = tee;
    judge->options = compare_options_of(&tee->options);
    judge->queue_end = &judge->queue;
    judge->later_end = &judge->later;
    pthread_mutex_init(&judge->mutex, NULL);
    pthread_cond_init(&judge->match_came, NULL);
    pthread_cond_init(&judge->later_changed, NULL);

    bool good = teller_open(tee, &judge->teller, err);
    while (good && judge->thread_count < (size_t)tee->options.compare_threads) {
        good = pthread_create(&judge->threads[judge->thread_count], NULL, judge_thread, judge) == 0;
        judge->thread_count += good;
        if (!good)
            err_set(err, ERR_IO, "cannot start a thread: %s", strerror(errno));
    }
    if (good && pthread_create(&judge->clerk, NULL, judge_clerk, judge) == 0)
        judge->clerk_there = true;
    else if (good)
        good = err_set(err, ERR_IO, "cannot start a thread: %s", strerror(errno));
    if (good)
        *ret_judge = judge;
    else
        judge_destroy(judge);
    return good;
}

void judge_hurry(struct judge *judge)
{
    pthread_mutex_lock(&judge->mutex);
    judge->hurried = true;
    pthread_cond_signal(&judge->later_changed);
    pthread_mutex_unlock(&judge->mutex);
}

bool judge_is_idle(struct judge *judge)
{
    pthread_mutex_lock(&judge->mutex);
    bool idle = judge->queue_count == 0 && judge->running == 0 && judge->again_count == 0;
    pthread_mutex_unlock(&judge->mutex);
    return idle;
}

size_t judge_waiting_count(struct judge *judge)
{
    pthread_mutex_lock(&judge->mutex);
    size_t count = judge->queue_count;
    pthread_mutex_unlock(&judge->mutex);
    return count;
}

static void matches_destroy(struct match *match)
{
    while (match) {
        struct match *next = match->next;
        match_destroy(match);
        match = next;
    }
}

void judge_destroy(struct judge *judge)
{
    if (!judge)
        return;
    pthread_mutex_lock(&judge->mutex);
    judge->ending = true;
    pthread_cond_broadcast(&judge->match_came);
    pthread_cond_broadcast(&judge->later_changed);
    pthread_mutex_unlock(&judge->mutex);
    for (size_t i = 0; i < judge->thread_count; i++)
        pthread_join(judge->threads[i], NULL);
    if (judge->clerk_there)
        pthread_join(judge->clerk, NULL);
    matches_destroy(judge->queue);
    matches_destroy(judge->later);
    teller_close(judge->teller);
    pthread_cond_destroy(&judge->match_came);
    pthread_cond_destroy(&judge->later_changed);
    pthread_mutex_destroy(&judge->mutex);
    free(judge);
}
