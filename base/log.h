#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Structured log lines as Prometheus writes them: logfmt, or JSON, one line a happening:
 *
 *     time=2025-10-09T09:33:20.123Z level=INFO source=serve.c:80 msg="Listening" address=...
 *
 *     struct log_line line = log_begin(log, LOG_LEVEL_INFO, "Listening");
 *     log_text(&line, "address", address);
 *     log_end(&line);
 *
 * A line below the log's level costs a comparison. Each line is one write, so that lines of several
 * threads do not mix. Libraries never log: programs do, at their border.
 *
 * Thread: any; a line belongs to one.
 */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log {
    enum log_level level; /* lines below it are dropped */
    bool json;
    int fd; /* borrowed; what cannot be written is lost */
};

/* "debug", "info", "warn" or "error". */
bool log_level_parse(struct str text, enum log_level *ret_level);

struct log_line {
    const struct log *log; /* NULL: dropped */
    struct buf text;
};

/* `log` may be NULL: the line is dropped. log_end follows, which frees it. */
#define log_begin(log, level, msg) log_line_begin((log), (level), __FILE__, __LINE__, (msg))

struct log_line log_line_begin(const struct log *log, enum log_level level, const char *file,
                               int line_number, const char *msg);
void log_text(struct log_line *line, const char *key, const char *value);
void log_str(struct log_line *line, const char *key, struct str value);
void log_number(struct log_line *line, const char *key, int64_t value);
/* A time of day, from Unix milliseconds. */
void log_time(struct log_line *line, const char *key, int64_t time_ms);
/* "1.25s", "3ms", "42us" from nanoseconds. */
void log_duration(struct log_line *line, const char *key, int64_t ns);
void log_end(struct log_line *line);

/* A line without fields. */
#define log_message(log, level, msg) \
    do { \
        struct log_line log_line_ = log_begin((log), (level), (msg)); \
        log_end(&log_line_); \
    } while (0)
