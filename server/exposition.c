/*
 *     # HELP name text          \\ and \n stand for a backslash and a new line
 *     # TYPE name type
 *     # anything else
 *     name{label="value",...} number     \" too
 *
 * Each kind of thing is counted by the lines there are, so that its array is made once.
 */
#include "server/exposition.h"

#include <string.h>

#include "base/float_text.h"

/* What is left of a line. */
struct line {
    struct str left;
    struct arena *arena;
};

static bool line_skip(struct line *line, struct str text)
{
    if (!str_starts(line->left, text))
        return false;
    line->left.ptr += text.len;
    line->left.len -= text.len;
    return true;
}

/* Up to one of these characters, or the end of the line. */
static struct str line_until(struct line *line, const char *ends)
{
    size_t len = 0;
    while (len < line->left.len && !strchr(ends, line->left.ptr[len]))
        len++;
    struct str found = {line->left.ptr, len};
    line->left.ptr += len;
    line->left.len -= len;
    return found;
}

/* Up to the quote, or the end of the line; escapes are undone. */
static struct str line_unescape(struct line *line, char quote)
{
    char *out = arena_room(line->arena, char, line->left.len + 1);
    size_t len = 0, at = 0;
    const char *in = line->left.ptr;
    for (; at < line->left.len && !(quote && in[at] == quote); at++) {
        char c = in[at];
        if (c == '\\' && at + 1 < line->left.len) {
            c = in[++at];
            c = c == 'n' ? '\n' : c;
        }
        out[len++] = c;
    }
    line->left.ptr += at;
    line->left.len -= at;
    return (struct str){out, len};
}

static enum append_metric type_of(struct str text)
{
    static const struct {
        const char *name;
        enum append_metric type;
    } types[] = {
        {"counter", APPEND_METRIC_COUNTER},
        {"gauge", APPEND_METRIC_GAUGE},
        {"histogram", APPEND_METRIC_HISTOGRAM},
        {"summary", APPEND_METRIC_SUMMARY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        if (str_eq(text, str_of(types[i].name)))
            return types[i].type;
    return APPEND_METRIC_UNKNOWN;
}

static struct exposition_family *family_of(struct exposition *exposition, struct str name)
{
    size_t count = exposition->family_count;
    if (count == 0 || !str_eq(exposition->families[count - 1].name, name))
        exposition->families[exposition->family_count++].name = name;
    return &exposition->families[exposition->family_count - 1];
}

static void comment_read(struct exposition *exposition, struct line *line)
{
    if (line_skip(line, STR("# HELP "))) {
        struct exposition_family *family = family_of(exposition, line_until(line, " "));
        line_skip(line, STR(" "));
        family->help = line_unescape(line, '\0');
    } else if (line_skip(line, STR("# TYPE "))) {
        struct exposition_family *family = family_of(exposition, line_until(line, " "));
        line_skip(line, STR(" "));
        family->type = type_of(line->left);
    }
}

static bool labels_read(struct exposition_sample *sample, struct line *line)
{
    if (!line_skip(line, STR("{")))
        return true;
    while (!line_skip(line, STR("}"))) {
        struct wal_label *label = &sample->labels[sample->label_count++];
        label->name = line_until(line, "=");
        if (label->name.len == 0 || !line_skip(line, STR("=\"")))
            return false;
        label->value = line_unescape(line, '"');
        if (!line_skip(line, STR("\"")))
            return false;
        line_skip(line, STR(","));
    }
    return true;
}

static bool sample_read(struct exposition_sample *sample, struct line *line)
{
    size_t quotes = 0;
    for (size_t i = 0; i < line->left.len; i++)
        quotes += line->left.ptr[i] == '"';
    sample->labels = arena_array(line->arena, struct wal_label, quotes / 2 + 2);
    struct str name = line_until(line, "{ ");
    sample->labels[0] = (struct wal_label){STR("__name__"), name};
    sample->label_count = 1;
    bool range;
    return name.len > 0 && labels_read(sample, line) && line_skip(line, STR(" ")) &&
           float_parse(line->left, &sample->v, &range);
}

bool exposition_read(struct str text, struct arena *arena, struct exposition *ret_exposition,
                     struct err *err)
{
    struct exposition exposition = {0};
    size_t line_count = 1, number = 0;
    for (size_t i = 0; i < text.len; i++)
        line_count += text.ptr[i] == '\n';
    exposition.families = arena_array(arena, struct exposition_family, line_count);
    exposition.samples = arena_array(arena, struct exposition_sample, line_count);

    struct line rest = {text, arena};
    while (rest.left.len > 0) {
        struct line line = {line_until(&rest, "\n"), arena};
        line_skip(&rest, STR("\n"));
        number++;
        if (line.left.len == 0)
            continue;
        if (line.left.ptr[0] == '#')
            comment_read(&exposition, &line);
        else if (!sample_read(&exposition.samples[exposition.sample_count++], &line))
            return err_set(err, ERR_CORRUPT, "line %zu is no sample", number);
    }
    *ret_exposition = exposition;
    return true;
}
