#include "engine/fn/go_heap.h"

#include "base/attr.h"
#include "base/test.h"
#include "model/sample.h"

/* FNV-1a over the heap's layout. */
static uint64_t layout_hash(const struct go_heap *heap)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < heap->count; i++) {
        for (unsigned shift = 0; shift < 16; shift += 8) {
            hash ^= heap->items[i].index >> shift & 255;
            hash *= UINT64_C(1099511628211);
        }
    }
    return hash;
}

static uint64_t offer_all(size_t count, size_t k, unsigned distinct, bool least)
{
    struct go_item items[32];
    struct go_heap heap = {items, 0, least};
    uint32_t random = (uint32_t)(count * 31 + k * 7) + distinct;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        double value = (double)((random >> 8) % distinct);
        if ((random >> 8) % 5 == 0)
            value = value_nan();
        go_heap_offer(&heap, k, value, (uint32_t)i);
    }
    return layout_hash(&heap);
}

/* The hashes are of what Prometheus's topk and bottomk made of the same values in Go. */
START_TEST(keeps_what_go_keeps)
{
    static const struct {
        size_t count;
        size_t k;
        unsigned distinct;
        uint64_t hashes[2];
    } cases[] = {
        {1, 1, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 1, 4, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 1, 1000, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 2, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 2, 4, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 2, 1000, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 7, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 7, 4, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 7, 1000, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 30, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 30, 4, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {1, 30, 1000, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {5, 1, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {5, 1, 4, {0x08328807b4eb6fed, 0x0824f007b4dfe349}},
        {5, 1, 1000, {0x08328807b4eb6fed, 0x082f2207b4e88cc4}},
        {5, 2, 1, {0x4d22107f9dcb30cc, 0x4d22107f9dcb30cc}},
        {5, 2, 4, {0x4d22107f9dcb30cc, 0x4d28dc7f9dd0f71e}},
        {5, 2, 1000, {0x8d0d36904a2e0073, 0x8d1768904a36a9ee}},
        {5, 7, 1, {0x693874721e8db551, 0x693874721e8db551}},
        {5, 7, 4, {0xed5af04df2dc1971, 0x210b66f07c4eb729}},
        {5, 7, 1000, {0x63fcc5209ba9e8a9, 0x4298637c0de56239}},
        {5, 30, 1, {0xe07eae0aecfba051, 0xe07eae0aecfba051}},
        {5, 30, 4, {0x63fcc5209ba9e8a9, 0x6f8e1a77a62cdd29}},
        {5, 30, 1000, {0x210b66f07c4eb729, 0x63fcc5209ba9e8a9}},
        {40, 1, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {40, 1, 4, {0x082f2207b4e88cc4, 0x08328807b4eb6fed}},
        {40, 1, 1000, {0x07befc07b489447b, 0x082bbc07b4e5a99b}},
        {40, 2, 1, {0x4d22107f9dcb30cc, 0x4d22107f9dcb30cc}},
        {40, 2, 4, {0x4d22107f9dcb30cc, 0x2e092f4b2823cf71}},
        {40, 2, 1000, {0x4cbf827f9d777527, 0x6dcb8d5bd463f92c}},
        {40, 7, 1, {0xd42c83c70e11be30, 0xd42c83c70e11be30}},
        {40, 7, 4, {0xf96f40eca9f2721e, 0x9c8b5f2cdf88325b}},
        {40, 7, 1000, {0x5675e3e76f03c174, 0x40c7501a7dca0448}},
        {40, 30, 1, {0x3f58f0e7d83d572e, 0x3f58f0e7d83d572e}},
        {40, 30, 4, {0xc9c83b546c9a5676, 0x35247c7856f4b36e}},
        {40, 30, 1000, {0xe934fb1b8b0b92d1, 0xce0ffe8c05aafb49}},
        {300, 1, 1, {0x08328807b4eb6fed, 0x08328807b4eb6fed}},
        {300, 1, 4, {0x0824f007b4dfe349, 0x08395407b4f1363f}},
        {300, 1, 1000, {0x08a2ae07b54ab836, 0x09a4f607b6262862}},
        {300, 2, 1, {0x4d22107f9dcb30cc, 0x4d22107f9dcb30cc}},
        {300, 2, 4, {0x2d07e298a063bd04, 0x4d22107f9dcb30cc}},
        {300, 2, 1000, {0x457e437f99c18576, 0xed3eb887f41dccf7}},
        {300, 7, 1, {0xff0331ba84390c95, 0xff0331ba84390c95}},
        {300, 7, 4, {0x937ab6e7f1e83d4a, 0xd3c0a9f5f0df8dcd}},
        {300, 7, 1000, {0xf6ea7735560d28ab, 0xdc943a2dd7ce72ae}},
        {300, 30, 1, {0xe576b30b4d0ff2b7, 0xe576b30b4d0ff2b7}},
        {300, 30, 4, {0x2929c3e85d0f4b5b, 0x15ee470e2ab3de1d}},
        {300, 30, 1000, {0xaa868467d095aa22, 0x2c35f6930cb5f564}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ck_assert_uint_eq(offer_all(cases[i].count, cases[i].k, cases[i].distinct, false),
                          cases[i].hashes[0]);
        ck_assert_uint_eq(offer_all(cases[i].count, cases[i].k, cases[i].distinct, true),
                          cases[i].hashes[1]);
    }
}
END_TEST

TEST_MAIN("go_heap", keeps_what_go_keeps)
