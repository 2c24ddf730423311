#include "model/yaml_tree.h"

#include "base/buf.h"
#include "base/test.h"

/* The tree as one line, with the lines of its lists and maps. */
static void print(const struct yaml_node *node, struct buf *out)
{
    if (node->kind == YAML_SCALAR) {
        buf_printf(out, node->plain ? "%s" : "'%s'", node->text.ptr);
        return;
    }
    buf_printf(out, node->kind == YAML_LIST ? "%zu[" : "%zu{", node->line);
    for (size_t i = 0; i < node->count; i++) {
        if (i)
            buf_byte(out, node->kind == YAML_MAP && i % 2 ? ':' : ' ');
        print(node->items[i], out);
    }
    buf_byte(out, node->kind == YAML_LIST ? ']' : '}');
}

static void check_tree(const char *text, const char *expected)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf out = {0};
    const struct yaml_node *root = NULL;
    struct err err;
    ck_assert_msg(yaml_read(str_of(text), arena, &root, &err), "%s", err.msg);
    if (root)
        print(root, &out);
    ck_assert_str_eq(buf_terminated(&out), expected);
}

START_TEST(reads_trees)
{
    check_tree("", "");
    check_tree("# nothing\n", "");
    check_tree("word", "word");
    check_tree("a: 1\nb: \"two\"\n", "1{a:1 b:'two'}");
    check_tree("a:\n  - x\n  - y: z\n", "1{a:2[x 3{y:z}]}");
    check_tree("a: &n [1, 2]\nb: *n\n", "1{a:1[1 2] b:1[1 2]}");
    check_tree("a: &n 1\nb: &n 2\nc: *n\n", "1{a:1 b:2 c:2}");
    check_tree("a: 1\n---\nb: 2\n", "1{a:1}");
    check_tree("a: |\n  two\n  lines\n", "1{a:'two\nlines\n'}");
}
END_TEST

static void check_refused(struct str text, enum err_kind kind, const char *words)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const struct yaml_node *root = NULL;
    struct err err;
    ck_assert(!yaml_read(text, arena, &root, &err));
    ck_assert_int_eq(err.kind, kind);
    ck_assert_msg(strncmp(err.msg, words, strlen(words)) == 0, "%s", err.msg);
}

START_TEST(says_where_it_is_no_yaml)
{
    check_refused(STR("a: 1\nb: [1, 2\nc: 3\n"), ERR_BAD_DATA, "3: no YAML: ");
    check_refused(STR("a: 1\n b: 2\n"), ERR_BAD_DATA, "2: no YAML: ");
    check_refused(STR("a: *n\n"), ERR_BAD_DATA, "1: *n is no anchor");
    check_refused(STR("\na: &n [1, *n]\n"), ERR_BAD_DATA, "2: *n is no anchor");
    check_refused(STR("a: \"\\0\"\n"), ERR_BAD_DATA, "1: a text with a zero byte");
    check_refused(STR("a: 1\nb: \xff\n"), ERR_BAD_DATA, "2: no YAML: ");
}
END_TEST

START_TEST(bounds_what_a_text_may_hold)
{
    AUTO(buf_done) struct buf deep = {0};
    for (int i = 0; i <= YAML_DEPTH_MAX; i++)
        buf_text(&deep, "[");
    check_refused(buf_view(&deep), ERR_LIMIT, "1: values nest deeper than 64");

    AUTO(buf_done) struct buf many = {0};
    for (int i = 0; i <= YAML_NODES_MAX; i++)
        buf_text(&many, "- a\n");
    check_refused(buf_view(&many), ERR_LIMIT, "200001: there are more than 200000 values");

    AUTO(buf_done) struct buf anchors = {0};
    for (int i = 0; i <= YAML_ANCHORS_MAX; i++)
        buf_printf(&anchors, "- &a%d a\n", i);
    check_refused(buf_view(&anchors), ERR_LIMIT, "1001: there are more than 1000 anchors");
}
END_TEST

TEST_MAIN("yaml", reads_trees, says_where_it_is_no_yaml, bounds_what_a_text_may_hold)
