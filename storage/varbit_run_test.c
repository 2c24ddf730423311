#include "storage/varbit_run.h"

#include <stdlib.h>

#include "base/test.h"
#include "storage/bit_writer.h"

#define COUNT_MAX 150

static uint64_t state = 1;

static uint64_t next_random(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 32;
}

/* Of at most so many bits, now and then of many; every other one is zero if `sparse`. */
static int64_t some_integer(unsigned bits, bool sparse)
{
    if (sparse && next_random() % 8)
        return 0;
    if (next_random() % 50 == 0)
        bits = 62;
    return (int64_t)(next_random() << 32 | next_random()) >> (63 - bits);
}

/* Two runs in a row, behind a bit that puts them out of step with the bytes, and a number. */
static void check_runs(size_t count, unsigned bits, bool sparse, size_t *long_count)
{
    struct bit_writer w = {0};
    uint64_t expected[2 * COUNT_MAX];
    bit_writer_put(&w, 1, 1);
    for (size_t i = 0; i < 2 * count; i++) {
        int64_t value = some_integer(bits, sparse);
        bit_writer_put_int(&w, value);
        expected[i] = (i % count ? expected[i - 1] : 0) + (uint64_t)value;
    }
    bit_writer_put(&w, 0x5A, 8);

    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits read;
    bits_init(&read, w.bytes, w.size, tail);
    read.at++;
    for (size_t r = 0; r < 2; r++) {
        uint64_t sums[COUNT_MAX + VARBIT_RUN_SLACK];
        ck_assert(varbit_run(&read, sums, count, long_count));
        ck_assert_mem_eq(sums, expected + r * count, count * sizeof *sums);
    }
    ck_assert(bits_ready(&read));
    ck_assert_uint_eq(bits_take(&read, 8), 0x5A);
    ck_assert(!bits_overrun(&read));
    free(w.bytes);
}

START_TEST(sums_integers_of_any_length)
{
    varbit_run_prepare();
    for (unsigned bits = 1; bits <= 20; bits++) {
        size_t long_count = 0;
        for (size_t count = 1; count <= COUNT_MAX; count++) {
            check_runs(count, bits, false, &long_count);
            check_runs(count, bits, true, &long_count);
        }
    }
}
END_TEST

START_TEST(tells_how_many_were_long)
{
    static const struct {
        unsigned bits;
        size_t starts_from;
        bool many;
    } cases[] = {{3, 0, false}, {3, 100, false}, {9, 0, true}, {9, 100, true}};
    varbit_run_prepare();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bit_writer w = {0};
        for (size_t k = 0; k < 100; k++)
            bit_writer_put_int(&w, 1 << (cases[i].bits - 1));
        uint8_t tail[2 * BITS_TAIL_BYTES];
        struct bits read;
        bits_init(&read, w.bytes, w.size, tail);
        uint64_t sums[100 + VARBIT_RUN_SLACK];
        size_t long_count = cases[i].starts_from;
        ck_assert(varbit_run(&read, sums, 100, &long_count));
        ck_assert_uint_eq(long_count, cases[i].many ? 100 : 0);
        free(w.bytes);
    }
}
END_TEST

START_TEST(ends_with_the_bits)
{
    varbit_run_prepare();
    static const uint8_t bytes[4] = {0xAA, 0xAA, 0xAA, 0xAA};
    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits read;
    bits_init(&read, bytes, sizeof bytes, tail);
    uint64_t sums[COUNT_MAX + VARBIT_RUN_SLACK];
    size_t long_count = 0;
    ck_assert(!varbit_run(&read, sums, COUNT_MAX, &long_count));
}
END_TEST

TEST_MAIN("varbit_run", sums_integers_of_any_length, tells_how_many_were_long, ends_with_the_bits)
