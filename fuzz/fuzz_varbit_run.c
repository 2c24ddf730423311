/*
 * Any bytes as integers of varying length, read as running sums: as a reader that goes bit by bit
 * sums them. The first byte is how many there are in a run, the second which way goes first.
 */
#include <stdlib.h>

#include "storage/varbit_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct plain_bits {
    const uint8_t *data;
    size_t end;
    size_t at; /* beyond the end: they were cut short */
};

static uint64_t plain_take(struct plain_bits *bits, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++, bits->at++) {
        unsigned bit =
            bits->at < bits->end ? bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1 : 0;
        value = value << 1 | bit;
    }
    return value;
}

static uint64_t plain_int(struct plain_bits *bits)
{
    static const unsigned widths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
    unsigned ones = 0;
    while (ones < 8 && plain_take(bits, 1))
        ones++;
    unsigned width = widths[ones];
    uint64_t value = plain_take(bits, width);
    if (width > 0 && width < 64 && value > UINT64_C(1) << (width - 1))
        value -= UINT64_C(1) << width;
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    varbit_run_prepare();
    size_t count = data[0];
    size_t long_count = data[1];
    struct plain_bits plain = {data + 2, (size - 2) * 8, 0};
    uint8_t tail[2 * BITS_TAIL_BYTES];
    struct bits bits;
    bits_init(&bits, data + 2, size - 2, tail);
    for (bool more = count > 0; more;) {
        uint64_t sums[UINT8_MAX + VARBIT_RUN_SLACK];
        uint64_t sum = 0;
        bool good = varbit_run(&bits, sums, count, &long_count) && !bits_overrun(&bits);
        for (size_t i = 0; i < count && plain.at <= plain.end; i++) {
            sum += plain_int(&plain);
            if (good && sums[i] != sum)
                abort();
        }
        if (good != (plain.at <= plain.end))
            abort();
        more = good;
    }
    return 0;
}
