/* `millrace query`: one query, of a directory or of a server, shown in one of several forms. */
#include <stdio.h>
#include <string.h>

#include "http/client.h"
#include "http/params.h"
#include "server/api.h"
#include "server/local.h"
#include "server/result_json.h"
#include "server/server.h"
#include "server/show/shown.h"

enum form { FORM_TABLE, FORM_JSON, FORM_CSV, FORM_GRAPH };

/* One run of the command. */
struct asking {
    struct ask_options options;
    const char *target;
    struct str query;
    enum form form;
    struct ask_range range;
};

static void query_help(void)
{
    AUTO(buf_done) struct buf out = {0};
    buf_text(&out,
             "usage: millrace query DIR|URL EXPR [flags]\n\n"
             "Asks one query of a directory with Prometheus's data, or of a server with "
             "Prometheus's API.\nTimes are shown in UTC.\n\n");
    flags_print(ask_flags, ask_flag_count - 1, &out);
    fwrite(out.ptr, 1, out.len, stdout);
}

static bool form_read(const char *text, enum form *ret_form, struct err *err)
{
    static const char *const names[] = {"table", "json", "csv", "graph"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_form = (enum form)i;
            return true;
        }
    return err_set(err, ERR_BAD_DATA, "flag --output: \"%s\" is not table, json, csv or graph",
                   text);
}

static void show(const struct asking *asking, const struct shown *shown)
{
    AUTO(buf_done) struct buf out = {0};
    struct shown_style style = shown_style_of_terminal();
    for (size_t i = 0; i < shown->note_count; i++)
        fprintf(stderr, "%.*s\n", STR_ARGS(shown->notes[i]));
    if (asking->form == FORM_CSV)
        shown_csv(shown, &out);
    else if (asking->form == FORM_GRAPH && shown->kind == RESULT_MATRIX)
        shown_graph(shown, &style, &out);
    else
        shown_table(shown, &style, &out);
    if (shown->count == 0 && shown->kind != RESULT_STRING)
        fprintf(stderr, "no series\n");
    if (out.len)
        fwrite(out.ptr, 1, out.len, stdout);
}

/* The API's own JSON, row by row. */
static bool print_json_rows(const struct asking *asking, struct running *running, struct err *err)
{
    AUTO(buf_done) struct buf out = {0};
    struct result_info info = running_info(running);
    struct result_json writer;
    struct result_row row;
    enum pull got;
    buf_text(&out, "{\"status\":\"success\",\"data\":");
    result_json_begin(&writer, &info, &out);
    while ((got = running_next(running, &row, err)) == PULL_BATCH) {
        result_json_row(&writer, &row, &out);
        if (out.len >= STREAM_PIECE_SIZE) {
            fwrite(out.ptr, 1, out.len, stdout);
            buf_clear(&out);
        }
    }
    result_json_end(&writer, &out);
    result_json_done(&writer);
    if (got == PULL_ERR)
        return false;
    struct json json = {.out = &out, .comma = true};
    json_object_end(&json);
    struct notes notes = {.annotations = running_annotations(running), .query = asking->query};
    api_end_notes(&json, &notes);
    buf_byte(&out, '\n');
    fwrite(out.ptr, 1, out.len, stdout);
    return true;
}

static bool ask_engine(struct asking *asking, struct local *local, struct err *err)
{
    bool graph = asking->form == FORM_GRAPH;
    if (!ask_range_read(&asking->options, local_data_end_ms(local), graph, &asking->range, err))
        return false;
    const struct ask_range *range = &asking->range;
    if (local_data_end_ms(local) == INT64_MIN)
        fprintf(stderr, "%s holds no samples\n", asking->target);
    struct query_spec spec = {
        .text = asking->query,
        .start_ms = range->start_ms,
        .end_ms = range->end_ms,
        .step_ms = range->step_ms,
    };
    AUTO(running_destroy) struct running *running = NULL;
    if (!ask_engine_read(&asking->options, &spec.engine, err))
        return false;
    if (!running_create(local->engine, &spec, &running, err) || !running_open(running, err))
        return false;
    if (range->moved) {
        AUTO(buf_done) struct buf text = {0};
        shown_time(range->end_ms, &text);
        fprintf(stderr, "the data ends at %s UTC: evaluated there\n", buf_terminated(&text));
    }
    if (asking->form == FORM_JSON)
        return print_json_rows(asking, running, err);
    struct shown shown;
    shown_init(&shown, range);
    bool good = shown_collect(&shown, running, asking->query, err);
    if (good)
        show(asking, &shown);
    shown_done(&shown);
    return good;
}

static void form_add(struct buf *form, const char *name, struct str value)
{
    if (form->len)
        buf_byte(form, '&');
    buf_printf(form, "%s=", name);
    percent_encode(value, form);
}

static void form_add_seconds(struct buf *form, const char *name, int64_t ms)
{
    char text[TIME_JSON_SIZE];
    form_add(form, name, (struct str){text, time_json(text, ms)});
}

static bool ask_server(struct asking *asking, struct err *err)
{
    bool graph = asking->form == FORM_GRAPH;
    if (!ask_range_read(&asking->options, INT64_MIN, graph, &asking->range, err))
        return false;
    const struct ask_range *range = &asking->range;
    AUTO(buf_done) struct buf url = {0};
    AUTO(buf_done) struct buf form = {0};
    size_t len = strlen(asking->target);
    while (len && asking->target[len - 1] == '/')
        len--;
    buf_append(&url, asking->target, len);
    buf_text(&url, range->instant ? "/api/v1/query" : "/api/v1/query_range");
    form_add(&form, "query", asking->query);
    if (range->instant) {
        form_add_seconds(&form, "time", range->end_ms);
    } else {
        form_add_seconds(&form, "start", range->start_ms);
        form_add_seconds(&form, "end", range->end_ms);
        form_add_seconds(&form, "step", range->step_ms);
    }
    struct client_request request = {
        .url = buf_terminated(&url),
        .body = buf_view(&form),
        .timeout_ms = asking->options.timeout_ms,
    };
    AUTO(client_destroy) struct client *client = client_create(0);
    AUTO(client_answer_done) struct client_answer answer = {0};
    if (!client_ask(client, &request, &answer, err))
        return false;

    struct shown shown;
    shown_init(&shown, range);
    bool good = shown_read_json(&shown, buf_view(&answer.body), err);
    if (good && asking->form == FORM_JSON) {
        fwrite(answer.body.ptr, 1, answer.body.len, stdout);
        putchar('\n');
    } else if (good) {
        show(asking, &shown);
    } else if (err->kind == ERR_IO) {
        err_wrap(err, "%s: HTTP status %d", asking->target, answer.status);
    }
    shown_done(&shown);
    return good;
}

static bool ask_directory(struct asking *asking, struct err *err)
{
    struct local local = {0};
    bool good = local_open(asking->target, &asking->options, &local, err) &&
                ask_engine(asking, &local, err);
    local_close(&local);
    return good;
}

int command_query(int argc, char **argv)
{
    struct asking asking = {0};
    struct flags flags = {.table = ask_flags, .count = ask_flag_count - 1, .into = &asking.options};
    struct err err;
    err_clear(&err);
    bool good = flags_parse(&flags, argc, argv, &err);
    if (good && flags.help) {
        query_help();
        return 0;
    }
    if (good && flags.word_count != 2)
        good = err_set(&err, ERR_BAD_DATA, "query wants a directory or URL, and an expression");
    if (!good || !form_read(asking.options.output, &asking.form, &err)) {
        fprintf(stderr, "millrace: %s (millrace query --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    asking.target = flags.words[0];
    asking.query = str_of(flags.words[1]);
    good = ask_is_url(asking.target) ? ask_server(&asking, &err) : ask_directory(&asking, &err);
    if (good)
        return 0;
    fprintf(stderr, "millrace: %s\n", err.msg);
    return err.kind == ERR_BAD_DATA ? EXIT_USAGE : EXIT_FAILED;
}
