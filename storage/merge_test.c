#include "storage/merge.h"

#include "base/clock.h"
#include "base/test.h"
#include "storage/merge_select.h"
#include "storage/remote/test_server.h"
#include "storage/test_storage.h"

static const char *const a[] = {"__name__", "a", NULL};
static const char *const b[] = {"__name__", "b", NULL};
static const char *const c[] = {"__name__", "c", NULL};
static const int64_t times[] = {1000, 2000, 3000, 4000, 5000};
static const double values[] = {1, 2, 3, 4, 5};

/* A local storage and two servers. */
struct fixture {
    struct test_storage local;
    struct test_server servers[2];
    struct read_client_options options[2];
    struct read_client *clients[2];
    int64_t local_begin_ms;
};

static int64_t fixture_begin_ms(void *context)
{
    return ((struct fixture *)context)->local_begin_ms;
}

static void fixture_init(struct fixture *fixture)
{
    static const char *const names[] = {"first", "second"};
    test_storage_init(&fixture->local);
    fixture->local_begin_ms = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        test_server_init(&fixture->servers[i]);
        fixture->options[i] = test_server_options(&fixture->servers[i], names[i]);
    }
}

/* Selects, and ends the fixture. */
static enum err_kind fixture_select(struct fixture *fixture, struct buf *out)
{
    for (int i = 0; i < 2; i++)
        fixture->clients[i] = read_client_create(&fixture->options[i]);
    struct merge_options options = {
        .local = &fixture->local.storage,
        .clients = fixture->clients,
        .client_count = 2,
        .local_begin_ms = fixture_begin_ms,
        .context = fixture,
    };
    struct storage *storage = merge_create(&options);
    enum err_kind kind = test_select(storage, NULL, 0, 0, 10000, out);
    merge_destroy(storage);
    for (int i = 0; i < 2; i++) {
        read_client_destroy(fixture->clients[i]);
        test_server_done(&fixture->servers[i]);
    }
    test_storage_done(&fixture->local);
    return kind;
}

static void check_selected(struct fixture *fixture, const char *expected)
{
    AUTO(buf_done) struct buf out = {0};
    enum err_kind kind = fixture_select(fixture, &out);
    ck_assert_str_eq(buf_terminated(&out), expected);
    ck_assert_int_eq(kind, ERR_NONE);
}

START_TEST(merges_in_the_order_of_labels)
{
    struct fixture fixture;
    fixture_init(&fixture);
    test_storage_add(&fixture.local, c, times, values, 1);
    test_storage_add(&fixture.local, b, times, values, 1); /* in no order */
    test_server_frame(&fixture.servers[0], a, times, values, 2);
    check_selected(&fixture,
                   "{__name__=\"a\"} 1000:1 2000:2\n"
                   "{__name__=\"b\"} 1000:1\n"
                   "{__name__=\"c\"} 1000:1\n");
}
END_TEST

START_TEST(counts_equal_samples_once)
{
    struct fixture fixture;
    fixture_init(&fixture);
    test_server_frame(&fixture.servers[0], a, times, values, 3);
    test_server_frame(&fixture.servers[0], b, times + 3, values + 3, 2);
    test_server_frame(&fixture.servers[1], a, times + 1, values + 1, 4);
    test_server_frame(&fixture.servers[1], b, times, values, 2);
    check_selected(&fixture,
                   "{__name__=\"a\"} 1000:1 2000:2 3000:3 4000:4 5000:5\n"
                   "{__name__=\"b\"} 1000:1 2000:2 4000:4 5000:5\n");
}
END_TEST

START_TEST(fails_with_the_name_of_who_failed)
{
    struct fixture fixture;
    fixture_init(&fixture);
    test_server_frame(&fixture.servers[0], a, times, values, 3);
    fixture.servers[1].status = 503;
    AUTO(buf_done) struct buf out = {0};
    ck_assert_int_eq(fixture_select(&fixture, &out), ERR_IO);
    ck_assert_str_eq(buf_terminated(&out),
                     "remote_read: remote server second returned http status 503: ");
}
END_TEST

START_TEST(waits_for_nobody_once_one_has_failed)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.servers[0].stalls = true;
    fixture.servers[1].status = 404;
    AUTO(buf_done) struct buf out = {0};
    int64_t begin_ns = clock_monotonic_ns();
    ck_assert_int_eq(fixture_select(&fixture, &out), ERR_IO);
    ck_assert_ptr_nonnull(strstr(buf_terminated(&out), "remote server second"));
    ck_assert_int_lt(clock_monotonic_ns() - begin_ns, INT64_C(10000000000));
}
END_TEST

START_TEST(does_without_who_may_be_left_out)
{
    static const enum err_kind spared[] = {ERR_IO, ERR_CORRUPT, ERR_BAD_DATA};
    for (size_t i = 0; i < ARRAY_COUNT(spared); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        test_server_frame(&fixture.servers[0], a, times, values, 1);
        fixture.servers[1].kind = spared[i];
        fixture.options[1].partial = true;
        check_selected(&fixture, "{__name__=\"a\"} 1000:1\n");
    }
}
END_TEST

START_TEST(ends_where_we_end_the_query)
{
    static const enum err_kind ours[] = {ERR_CANCELED, ERR_LIMIT};
    for (size_t i = 0; i < ARRAY_COUNT(ours); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        fixture.servers[1].kind = ours[i];
        fixture.options[1].partial = true;
        AUTO(buf_done) struct buf out = {0};
        ck_assert_int_eq(fixture_select(&fixture, &out), ours[i]);
    }
}
END_TEST

START_TEST(asks_nobody_for_what_is_here)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.local_begin_ms = -1;
    test_storage_add(&fixture.local, c, times, values, 1);
    test_storage_add(&fixture.local, b, times, values, 1);
    for (int i = 0; i < 2; i++) {
        fixture.options[i].read_recent = false;
        test_server_frame(&fixture.servers[i], a, times, values, 1);
    }
    /* The local storage's own answer, in its order. */
    check_selected(&fixture, "{__name__=\"c\"} 1000:1\n{__name__=\"b\"} 1000:1\n");
    ck_assert_int_eq(fixture.servers[0].asked_count, 0);
}
END_TEST

enum { MANY = 50 };

/* Two children with the same series, settled with no more memory than that. */
static bool settles_within(size_t limit, struct err *err)
{
    struct test_storage local;
    test_storage_init(&local);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    for (int i = 0; i < MANY; i++) {
        const char *labels[] = {"__name__", arena_printf(arena, "m%02d", i), NULL};
        test_storage_add(&local, labels, times, values, 1);
    }
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", limit);
    struct select_request request = {
        .end_ms = 10000, .arena = arena, .symbols = symbols_new(arena), .budget = &budget};
    struct merge_selection *merged = merge_selection_create(&request, 2);
    struct select_request free_of_charge = request;
    free_of_charge.budget = NULL;
    for (int i = 0; i < 2; i++) {
        struct selection *child;
        ck_assert(storage_select(&local.storage, &free_of_charge, &child, err));
        merge_selection_take(merged, child);
    }
    bool good = merge_selection_settle(merged, &request, err);
    ck_assert(!good || selection_count(&merged->base) == MANY);
    selection_close(&merged->base);
    ck_assert_uint_eq(budget.used_bytes, 0);
    symbols_done(request.symbols);
    test_storage_done(&local);
    return good;
}

START_TEST(charges_what_the_sort_takes_too)
{
    struct err err = {0};
    size_t kept = sizeof(struct merge_part) + sizeof(uint32_t) + sizeof(const struct labels *);
    size_t needed = 2 * MANY * (kept + sizeof(struct merge_part));
    ck_assert(settles_within(needed, &err));
    ck_assert(!settles_within(needed - 1, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
}
END_TEST

TEST_MAIN("merge", merges_in_the_order_of_labels, counts_equal_samples_once,
          fails_with_the_name_of_who_failed, waits_for_nobody_once_one_has_failed,
          does_without_who_may_be_left_out, ends_where_we_end_the_query,
          asks_nobody_for_what_is_here, charges_what_the_sort_takes_too)
