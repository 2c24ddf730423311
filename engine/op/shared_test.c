#include "engine/op/shared.h"

#include <stdlib.h>

#include "base/test.h"
#include "engine/op/broadcast.h"
#include "engine/op/test_matrix.h"
#include "model/sample.h"

START_TEST(each_consumer_sees_all_rows)
{
    for (unsigned seed = 0; seed < 40; seed++) {
        struct test_query test;
        test_query_init(&test);
        unsigned state = seed;
        struct test_matrix in = test_matrix_random(&test.query, &state, 1 + seed % 9, 5, true);
        in.mix = seed % 4;
        struct shared *shared = shared_new(&test.query, test_matrix_op(&test.query, &in, 2));
        struct op *first = op_shared_new(&test.query, shared);
        struct op *second = op_shared_new(&test.query, shared);
        struct err err = {0};
        ck_assert(op_open(first, &err));

        struct row_reader rows = {.op = first};
        double *row;
        while (row_reader_next(&rows, &row, &err) == PULL_BATCH) {
            /* Consumers may write into a batch, and the others must not see it. */
            test_rows_unmix(row, rows.histograms, in.step_count);
            for (size_t s = 0; s < in.step_count; s++) {
                row[s] = 1234;
                if (rows.histograms)
                    rows.histograms[s] = NULL;
            }
        }
        op_close(first);
        test_matrix_check(&in, second, seed);
        test_query_done(&test);
    }
}
END_TEST

START_TEST(one_step_stands_for_all)
{
    for (unsigned seed = 0; seed < 40; seed++) {
        struct test_query test;
        test_query_init(&test);
        unsigned state = seed;
        struct test_matrix in = test_matrix_random(&test.query, &state, seed % 9, 1, true);
        in.mix = seed % 4;
        struct grid grid = {0, 1000, 6};
        struct test_matrix expected = test_matrix_new(&test.query, in.series_count, grid.count);
        for (size_t i = 0; i < in.series_count; i++) {
            if (value_is_stale(in.values[i]))
                continue;
            size_t at = test_matrix_series(&expected, in.labels[i]);
            for (size_t s = 0; s < grid.count; s++)
                test_matrix_row(&expected, at)[s] = in.values[i];
        }
        struct op *child = test_matrix_op(&test.query, &in, 3);
        test_matrix_check(&expected, op_broadcast_new(&test.query, &grid, child), seed);
        test_query_done(&test);
    }
}
END_TEST

TEST_MAIN("shared", each_consumer_sees_all_rows, one_step_stands_for_all)
