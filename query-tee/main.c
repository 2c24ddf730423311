#include <stdio.h>
#include <string.h>

#include "query-tee/options.h"

/* As millrace's: 2 for a wrong command line. */
#define EXIT_USAGE 2

static int command_serve(int argc, char **argv)
{
    struct tee_options options;
    struct err err;
    if (!options_read(argc, argv, &options, &err)) {
        fprintf(stderr, "query-tee: %s (query-tee --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    AUTO(buf_done) struct buf out = {0};
    options_help(&out);
    fwrite(out.ptr, 1, out.len, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    return command_serve(argc - 1, argv + 1);
}
