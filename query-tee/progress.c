#include "query-tee/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR_CELLS 30
#define TERMINAL_EVERY_NS INT64_C(100000000)
#define LINE_EVERY_NS INT64_C(30000000000)

void progress_tell(struct progress *progress, double share, const char *text)
{
    bool terminal = isatty(STDERR_FILENO);
    int64_t now_ns = clock_monotonic_ns();
    if (progress->told_ns == 0 && !terminal)
        progress->told_ns = now_ns;
    if (now_ns - progress->told_ns < (terminal ? TERMINAL_EVERY_NS : LINE_EVERY_NS))
        return;
    progress->told_ns = now_ns;
    if (!terminal) {
        fprintf(stderr, "%3.0f %%  %s\n", share * 100, text);
        return;
    }
    static const char full[BAR_CELLS + 1] = "##############################";
    int cells = (int)(share * BAR_CELLS);
    fprintf(stderr, "\r[%.*s%*s] %3.0f %%  %s\x1b[K", cells, full, BAR_CELLS - cells, "",
            share * 100, text);
    fflush(stderr);
    progress->drawn = true;
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\x1b[K", stderr);
    *progress = (struct progress){0};
}
