#include "base/crc32c.h"

#include "base/test.h"

START_TEST(knows_the_check_value)
{
    ck_assert_uint_eq(crc32c("123456789", 9), 0xE3069283u);
    ck_assert_uint_eq(crc32c("", 0), 0);
}
END_TEST

START_TEST(extends)
{
    const char *text = "the quick brown fox jumps over the lazy dog";
    for (size_t cut = 0; cut <= 43; cut++)
        ck_assert_uint_eq(crc32c_extend(crc32c(text, cut), text + cut, 43 - cut), crc32c(text, 43));
}
END_TEST

/* Bit by bit, as it is defined. */
static uint32_t sum_naively(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

START_TEST(is_what_is_defined_at_any_place_and_length)
{
    uint8_t bytes[80];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t at = 0; at < 8; at++)
        for (size_t len = 0; at + len <= sizeof bytes; len++)
            ck_assert_uint_eq(crc32c(bytes + at, len), sum_naively(bytes + at, len));
}
END_TEST

TEST_MAIN("crc32c", knows_the_check_value, extends, is_what_is_defined_at_any_place_and_length)
