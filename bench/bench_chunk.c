/* Decoding and encoding of chunks: many chunks of 120 samples, of the shapes that scrapes have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"

#define CHUNKS 20000
#define SAMPLES 120

struct shape {
    const char *name;
    bool jitter;
    double (*next)(double v);
};

static double next_constant(double v)
{
    return v;
}

static double next_counter(double v)
{
    return v + (double)(bench_random() % 100);
}

static double next_float_counter(double v)
{
    return v + (double)(bench_random() % 1000) * 0.0137;
}

static double next_gauge(double v)
{
    return (double)(bench_random() % 1000);
}

static double next_walk(double v)
{
    return v + (double)((int64_t)(bench_random() % 201) - 100) / 100;
}

static double next_idle_counter(double v)
{
    return bench_random() % 20 == 0 ? v + 1 : v;
}

static const struct shape shapes[] = {
    {"constant", false, next_constant},     {"idle_counter", false, next_idle_counter},
    {"counter", false, next_counter},       {"float_counter", false, next_float_counter},
    {"gauge", false, next_gauge},           {"walk", false, next_walk},
    {"counter_jitter", true, next_counter},
};

struct packed {
    uint8_t *bytes;
    size_t *ends;
};

static struct packed shape_pack(const struct shape *shape, double *ret_encode_ns)
{
    struct packed packed = {mem_new_array(uint8_t, (size_t)CHUNKS * SAMPLES * 20),
                            mem_new_array(size_t, CHUNKS)};
    size_t size = 0;
    struct xor_appender appender;
    xor_appender_init(&appender);
    int64_t begin = bench_cpu_ns();
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        xor_appender_reset(&appender);
        int64_t t = 1700000000000 + (int64_t)(chunk % 16) * SAMPLES * 15000;
        double v = (double)(bench_random() % 100000);
        for (size_t i = 0; i < SAMPLES; i++) {
            int64_t jitter = shape->jitter ? (int64_t)(bench_random() % 3) - 1 : 0;
            xor_appender_append(&appender, t + jitter, v);
            t += 15000;
            v = shape->next(v);
        }
        memcpy(packed.bytes + size, appender.bytes, appender.size);
        size += appender.size;
        packed.ends[chunk] = size;
    }
    *ret_encode_ns = (double)(bench_cpu_ns() - begin) / CHUNKS / SAMPLES;
    xor_appender_done(&appender);
    return packed;
}

static double packed_unpack(const struct packed *packed)
{
    struct samples samples = {0};
    struct err err = {0};
    int64_t begin = bench_cpu_ns();
    size_t from = 0;
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        if (chunk % 16 == 0)
            samples.count = 0;
        if (!chunk_decode(CHUNK_XOR, packed->bytes + from, packed->ends[chunk] - from, &samples,
                          &err))
            exit(1);
        from = packed->ends[chunk];
    }
    double ns = (double)(bench_cpu_ns() - begin) / CHUNKS / SAMPLES;
    samples_done(&samples);
    return ns;
}

/* Four chunks at once, where a cursor would. */
static double packed_unpack_quads(const struct packed *packed)
{
    struct samples samples = {0};
    struct err err = {0};
    int64_t begin = bench_cpu_ns();
    for (size_t chunk = 0; chunk < CHUNKS; chunk += XOR_QUAD) {
        struct xor_bytes quad[XOR_QUAD];
        for (size_t k = 0; k < XOR_QUAD; k++) {
            size_t from = chunk + k ? packed->ends[chunk + k - 1] : 0;
            quad[k] = (struct xor_bytes){packed->bytes + from, packed->ends[chunk + k] - from};
        }
        if (chunk % 16 == 0)
            samples.count = 0;
        if (chunk_xor_suits_quad(quad[0].data, quad[0].size) &&
            chunk_xor_decode_quad(quad, &samples))
            continue;
        for (size_t k = 0; k < XOR_QUAD; k++)
            if (!chunk_decode(CHUNK_XOR, quad[k].data, quad[k].size, &samples, &err))
                exit(1);
    }
    double ns = (double)(bench_cpu_ns() - begin) / CHUNKS / SAMPLES;
    samples_done(&samples);
    return ns;
}

static double least_of_5(double (*unpack)(const struct packed *packed), const struct packed *packed)
{
    double best = unpack(packed);
    for (int round = 0; round < 4; round++) {
        double again = unpack(packed);
        best = again < best ? again : best;
    }
    return best;
}

int main(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        double encode = 0;
        struct packed packed = shape_pack(&shapes[i], &encode);
        printf("chunk_xor_decode_%s %.2f ns/sample\n", shapes[i].name,
               least_of_5(packed_unpack, &packed));
        printf("chunk_xor_decode_quads_%s %.2f ns/sample\n", shapes[i].name,
               least_of_5(packed_unpack_quads, &packed));
        printf("chunk_xor_encode_%s %.2f ns/sample\n", shapes[i].name, encode);
        printf("chunk_xor_size_%s %.2f bytes/sample\n", shapes[i].name,
               (double)packed.ends[CHUNKS - 1] / CHUNKS / SAMPLES);
        free(packed.bytes);
        free(packed.ends);
    }
    return 0;
}
