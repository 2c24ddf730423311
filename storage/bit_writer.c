#include "storage/bit_writer.h"

#include "base/attr.h"

static const uint8_t varbit_widths[] = {0, 3, 6, 9, 12, 18, 25, 56};

/* `ones` ones and a zero, or eight ones, and the low bits of v that go with them. */
static void bit_writer_put_varbit(struct bit_writer *w, unsigned ones, uint64_t v)
{
    if (ones == ARRAY_COUNT(varbit_widths)) {
        bit_writer_put(w, 0xff, 8);
        bit_writer_put(w, v, 64);
        return;
    }
    unsigned width = varbit_widths[ones];
    bit_writer_put(w, (UINT64_C(2) << ones) - 2, ones + 1);
    if (width)
        bit_writer_put(w, v & ((UINT64_C(1) << width) - 1), width);
}

void bit_writer_put_uint(struct bit_writer *w, uint64_t v)
{
    unsigned ones = 0;
    while (ones < ARRAY_COUNT(varbit_widths) && v >> varbit_widths[ones] != 0)
        ones++;
    bit_writer_put_varbit(w, ones, v);
}

void bit_writer_put_int(struct bit_writer *w, int64_t v)
{
    unsigned ones = v != 0;
    while (ones > 0 && ones < ARRAY_COUNT(varbit_widths)) {
        int64_t half = INT64_C(1) << (varbit_widths[ones] - 1);
        if (v > -half && v <= half)
            break;
        ones++;
    }
    bit_writer_put_varbit(w, ones, (uint64_t)v);
}

void bit_writer_put_varint(struct bit_writer *w, int64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    size_t size = write_varint(bytes, v);
    for (size_t i = 0; i < size; i++)
        bit_writer_put(w, bytes[i], 8);
}
