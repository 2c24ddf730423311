#include "http/html.h"

#include "base/test.h"

START_TEST(what_has_a_meaning_in_html_is_written_out)
{
    AUTO(buf_done) struct buf out = {0};
    html_text(&out, STR("a<b>&\"c\" \xc3\xa9"));
    ck_assert_str_eq(buf_terminated(&out), "a&lt;b&gt;&amp;&quot;c&quot; \xc3\xa9");
}
END_TEST

TEST_MAIN("html", what_has_a_meaning_in_html_is_written_out)
