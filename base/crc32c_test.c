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

TEST_MAIN("crc32c", knows_the_check_value, extends)
