#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quote.h"

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "DEBUG",
    [LOG_LEVEL_INFO] = "INFO",
    [LOG_LEVEL_WARN] = "WARN",
    [LOG_LEVEL_ERROR] = "ERROR",
};

bool log_level_parse(struct str text, enum log_level *ret_level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (str_eq(text, str_of(names[i]))) {
            *ret_level = (enum log_level)i;
            return true;
        }
    return false;
}

/* Does logfmt need quotes around it? */
static bool text_is_awkward(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return true;
    }
    return s.len == 0;
}

static void put_key(struct log_line *line, const char *key)
{
    if (line->log->json) {
        if (line->text.len > 1)
            buf_byte(&line->text, ',');
        buf_byte(&line->text, '"');
        json_escape(&line->text, str_of(key));
        buf_text(&line->text, "\":");
        return;
    }
    if (line->text.len > 0)
        buf_byte(&line->text, ' ');
    buf_text(&line->text, key);
    buf_byte(&line->text, '=');
}

static void put_time(struct log_line *line, const char *key, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000 - (time_ms % 1000 < 0));
    struct tm tm;
    char text[64] = "out of range";
    if (gmtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    AUTO(buf_done) struct buf buf = {0};
    buf_printf(&buf, "%s.%03dZ", text, (int)(time_ms - (int64_t)seconds * 1000));
    log_str(line, key, buf_view(&buf));
}

struct log_line log_line_begin(const struct log *log, enum log_level level, const char *file,
                               int line_number, const char *msg)
{
    struct log_line line = {0};
    if (!log || level < log->level)
        return line;
    line.log = log;
    if (log->json)
        buf_byte(&line.text, '{');
    put_time(&line, "time", clock_now_ms());
    log_text(&line, "level", level_names[level]);
    const char *slash = strrchr(file, '/');
    AUTO(buf_done) struct buf source = {0};
    buf_printf(&source, "%s:%d", slash ? slash + 1 : file, line_number);
    log_str(&line, "source", buf_view(&source));
    log_text(&line, "msg", msg);
    return line;
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    log_str(line, key, str_of(value));
}

void log_str(struct log_line *line, const char *key, struct str value)
{
    if (!line->log)
        return;
    put_key(line, key);
    if (line->log->json) {
        buf_byte(&line->text, '"');
        json_escape_html(&line->text, value);
        buf_byte(&line->text, '"');
    } else if (text_is_awkward(value)) {
        quote_append(&line->text, value);
    } else {
        buf_str(&line->text, value);
    }
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
    if (!line->log)
        return;
    put_key(line, key);
    buf_printf(&line->text, "%lld", (long long)value);
}

void log_time(struct log_line *line, const char *key, int64_t time_ms)
{
    if (line->log)
        put_time(line, key, time_ms);
}

void log_duration(struct log_line *line, const char *key, int64_t ns)
{
    if (!line->log)
        return;
    char text[48];
    if (ns >= 1000000000)
        snprintf(text, sizeof text, "%.3fs", (double)ns / 1e9);
    else if (ns >= 1000000)
        snprintf(text, sizeof text, "%.3fms", (double)ns / 1e6);
    else
        snprintf(text, sizeof text, "%lldus", (long long)(ns / 1000));
    log_text(line, key, text);
}

void log_end(struct log_line *line)
{
    if (!line->log)
        return;
    buf_text(&line->text, line->log->json ? "}\n" : "\n");
    const char *at = line->text.ptr;
    size_t left = line->text.len;
    while (left > 0) {
        ssize_t put = write(line->log->fd, at, left);
        if (put <= 0)
            break; /* there is nobody left to tell */
        at += put;
        left -= (size_t)put;
    }
    buf_done(&line->text);
    line->log = NULL;
}
