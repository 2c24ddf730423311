/* Parsing and printing of a few queries; prints "name value unit" a line. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "bench/bench.h"
#include "parser/parse.h"
#include "parser/print.h"

enum { ROUNDS = 200000 };

static struct node *parsed(struct str query, struct arena *arena)
{
    static const struct parse_options options = {0};
    static struct err err;
    struct node *root = NULL;
    if (parse_query(query, &options, arena, &root, &err))
        return root;
    fprintf(stderr, "%s\n", err.msg);
    exit(EXIT_FAILURE);
}

static void bench(const char *name, struct str query)
{
    int64_t begin_ns = bench_cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
        ast_done(parsed(query, arena));
    }
    printf("parse/%s %.0f ns/op\n", name, (double)(bench_cpu_ns() - begin_ns) / ROUNDS);

    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf out = {0};
    struct node *root = parsed(query, arena);
    begin_ns = bench_cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&out);
        print_query(root, &out);
    }
    printf("print/%s %.0f ns/op\n", name, (double)(bench_cpu_ns() - begin_ns) / ROUNDS);
    ast_done(root);
}

int main(void)
{
    bench("name", STR("up"));
    bench("sum_rate", STR("sum by (job) (rate(http_requests_total{code!=\"200\"}[5m]))"));
    bench("quantile",
          STR("histogram_quantile(0.9, sum by (le, job) (rate(a_bucket{job=\"x\"}[5m]))) "
              "> 0.5 and on (job) up{job=\"x\"} offset 1h"));
    return EXIT_SUCCESS;
}
