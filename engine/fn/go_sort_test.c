#include "engine/fn/go_sort.h"

#include "base/attr.h"
#include "base/test.h"
#include "model/sample.h"

static void fill(struct go_item *items, size_t count, unsigned distinct)
{
    uint32_t random = (uint32_t)count * 31 + distinct;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        double value = (double)((random >> 8) % distinct);
        if ((random >> 8) % 11 == 0)
            value = value_nan();
        if (count >= 1000 && i > count / 2)
            value = (double)(count - i);
        items[i] = (struct go_item){value, (uint32_t)i};
    }
}

/* FNV-1a over the order that came out. */
static uint64_t order_hash(const struct go_item *items, size_t count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < count; i++) {
        for (unsigned shift = 0; shift < 16; shift += 8) {
            hash ^= items[i].index >> shift & 255;
            hash *= UINT64_C(1099511628211);
        }
    }
    return hash;
}

/* The hashes are of what Go's sort.Sort made of the same items. */
START_TEST(leaves_equal_items_in_the_order_that_go_leaves_them)
{
    static const struct {
        size_t count;
        unsigned distinct;
        uint64_t hashes[2];
    } cases[] = {
        {2, 1, {0x4d22107f9dcb30cc, 0x4d22107f9dcb30cc}},
        {2, 3, {0x4d22107f9dcb30cc, 0x4d22107f9dcb30cc}},
        {2, 17, {0xad2aca7747985764, 0x4d22107f9dcb30cc}},
        {2, 100000, {0x4d22107f9dcb30cc, 0x4d22107f9dcb30cc}},
        {12, 1, {0x8faba8a3e543a755, 0x8faba8a3e543a755}},
        {12, 3, {0x295e2cea50f5431d, 0x5fe20a699a707855}},
        {12, 17, {0xa7e8736097ca172d, 0xfc5aa156ec15fc3d}},
        {12, 100000, {0x412b3e94ab835a6d, 0x7bcbee1ac86285a5}},
        {13, 1, {0x89d83e71714ce4f1, 0x89d83e71714ce4f1}},
        {13, 3, {0x4c14c6148784f841, 0xb7de87ae41bb54f9}},
        {13, 17, {0x1f97abb80df09d11, 0xf0dbdd96d193a701}},
        {13, 100000, {0x94a2b0e4764acfb9, 0x0df00e04726537a9}},
        {49, 1, {0x4c6d6ac80844ebf5, 0x4c6d6ac80844ebf5}},
        {49, 3, {0x594123f01f98e905, 0xf8069432e785af0d}},
        {49, 17, {0xaff97cddede5f905, 0xcb76eb241a256fad}},
        {49, 100000, {0x6321a8213789b0cd, 0xf9b8a3193e5d5985}},
        {50, 1, {0xaddf8d7f9a9b1874, 0xaddf8d7f9a9b1874}},
        {50, 3, {0xcaf61381fab22c64, 0x29b1973772a76e14}},
        {50, 17, {0x2d668330c1e4f44c, 0x09f7b0f6c9d86454}},
        {50, 100000, {0xe4afd106af457c4c, 0x680333545b816674}},
        {200, 1, {0xf75f5a5961270d8d, 0xf75f5a5961270d8d}},
        {200, 3, {0xf937614d0453e6cd, 0x3f0635358905555d}},
        {200, 17, {0xc1c2a7716accd9a5, 0x4fb1ce388d07b255}},
        {200, 100000, {0x3afd8f1852a07415, 0x76057e713c2058a5}},
        {1000, 1, {0x9bce0c2b4beb1279, 0xfece94ce416dad31}},
        {1000, 3, {0x32dc2be08488c869, 0xfa477df0a1da18ad}},
        {1000, 17, {0x39eec14bba582d45, 0x1775de910a5c61d9}},
        {1000, 100000, {0xa92adc6af2a84f09, 0x8cdc0e96e2429d8d}},
        {5000, 1, {0x08e8fa2f1f1ebfb5, 0xa4a3d30ec5d586f9}},
        {5000, 3, {0xa34b561e35f513cd, 0xf0fda1d615d6a681}},
        {5000, 17, {0xf7289adf34534c2d, 0x4707ba6aa5b1a91d}},
        {5000, 100000, {0x2270fc79ec181ca1, 0x7c2a8ea7f156d231}},
    };
    static struct go_item items[5000];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t count = cases[i].count;
        fill(items, count, cases[i].distinct);
        go_sort(items, count, go_less_ascending);
        ck_assert_uint_eq(order_hash(items, count), cases[i].hashes[0]);
        fill(items, count, cases[i].distinct);
        go_sort(items, count, go_less_descending);
        ck_assert_uint_eq(order_hash(items, count), cases[i].hashes[1]);
    }
}
END_TEST

START_TEST(sorts)
{
    static struct go_item items[3000];
    for (size_t count = 0; count < 3000; count += 1 + count / 7) {
        fill(items, count, 1 + (unsigned)count / 2);
        for (size_t i = 0; i < count; i++)
            if (items[i].value != items[i].value)
                items[i].value = -1;
        go_sort(items, count, go_less_plain);
        for (size_t i = 1; i < count; i++)
            ck_assert(items[i - 1].value <= items[i].value);
    }
}
END_TEST

/* As sort_by_label does: by what the index stands for. */
static bool less_by_name(const struct go_item *a, const struct go_item *b, const void *context)
{
    const char *const *names = context;
    return strcmp(names[a->index], names[b->index]) < 0;
}

START_TEST(sorts_by_what_the_context_tells)
{
    static const char *const names[] = {"c", "a", "d", "b"};
    struct go_item items[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};
    go_sort_with(items, ARRAY_COUNT(items), less_by_name, names);
    for (size_t i = 0; i < ARRAY_COUNT(items); i++)
        ck_assert_int_eq(*names[items[i].index], 'a' + (int)i);
}
END_TEST

TEST_MAIN("go_sort", leaves_equal_items_in_the_order_that_go_leaves_them, sorts,
          sorts_by_what_the_context_tells)
