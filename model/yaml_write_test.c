#include "model/yaml_write.h"

#include "base/arena.h"
#include "base/test.h"
#include "model/yaml_tree.h"

static const char *const texts[] = {
    "",     "a",        "a b",         " pad",     "x: y",        "#x",           "a #b",
    "y",    "=",        "'",           "\"",       "@x",          "- a",          "-a",
    "a:",   "1.5",      "0x1f",        "0b2",      "1_000",       ".5",           "1e3",
    "1e",   "12:30:45", "12:60",       "2020-1-2", "2020-a",      "2020-01-02 x", "~",
    "null", "nil",      "\x01",        "\xc3\xbc", "multi\nline", "{a}",          "http://a:1/b",
    "<<",   "<secret>", "127.0.0.1:9", "true",     "tru",
};

/* What the judge, a Prometheus, writes for these. */
static const char written[] =
    "\"\"\na\na b\n' pad'\n'x: y'\n'#x'\n'a #b'\n\"y\"\n=\n''''\n'\"'\n'@x'\n'- a'\n-a\n'a:'\n"
    "\"1.5\"\n\"0x1f\"\n0b2\n\"1_000\"\n\".5\"\n\"1e3\"\n1e\n\"12:30:45\"\n12:60\n\"2020-1-2\"\n"
    "2020-a\n\"2020-01-02 x\"\n\"~\"\n\"null\"\nnil\n\"\\x01\"\n\xc3\xbc\n|-\n  multi\n  line\n"
    "'{a}'\nhttp://a:1/b\n\"<<\"\n<secret>\n127.0.0.1:9\n\"true\"\ntru\n";

START_TEST(texts_look_as_prometheus_writes_them)
{
    AUTO(buf_done) struct buf all = {0};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct yaml_writer *writer = yaml_writer_create(&all);
        yaml_write_text(writer, texts[i]);
        yaml_writer_destroy(writer);
        /* Behind an open scalar at the top stands the end of the document. */
        static const char end[] = "...\n";
        if (str_ends(buf_view(&all), str_of(end)))
            all.len -= sizeof end - 1;
    }
    ck_assert_str_eq(buf_terminated(&all), written);
}
END_TEST

START_TEST(texts_are_read_back_as_they_were)
{
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        AUTO(buf_done) struct buf out = {0};
        AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
        struct yaml_writer *writer = yaml_writer_create(&out);
        yaml_write_map(writer);
        yaml_write_text(writer, texts[i]);
        yaml_write_list(writer);
        yaml_write_text(writer, texts[i]);
        yaml_write_list_end(writer);
        yaml_write_map_end(writer);
        yaml_writer_destroy(writer);
        const struct yaml_node *root;
        struct err err = {0};
        ck_assert_msg(yaml_read(buf_view(&out), arena, &root, &err), "%s", err.msg);
        ck_assert_int_eq(root->kind, YAML_MAP);
        ck_assert_str_eq(root->items[0]->text.ptr, texts[i]);
        ck_assert_str_eq(root->items[1]->items[0]->text.ptr, texts[i]);
        ck_assert(!yaml_is_null(root->items[0]));
    }
}
END_TEST

START_TEST(bytes_that_are_no_text_are_replaced)
{
    AUTO(buf_done) struct buf out = {0};
    struct yaml_writer *writer = yaml_writer_create(&out);
    yaml_write_list(writer);
    yaml_write_text(writer,
                    "a\xff"
                    "b");
    yaml_write_plain(writer, "true");
    yaml_write_list_end(writer);
    yaml_writer_destroy(writer);
    ck_assert_str_eq(buf_terminated(&out),
                     "- a\xef\xbf\xbd"
                     "b\n- true\n");
}
END_TEST

TEST_MAIN("yaml_write", texts_look_as_prometheus_writes_them, texts_are_read_back_as_they_were,
          bytes_that_are_no_text_are_replaced)
