#include "query-tee/replay/queries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "query-tee/replay/query_line.h"

struct query_file {
    char *path;
    FILE *stream;
    bool is_test;
    int64_t time_base_ms;
    char *line; /* getline's */
    size_t line_cap;
    size_t line_number;
    int64_t size, place; /* in bytes */
};

bool query_file_open(const char *path, int64_t time_base_ms, struct query_file **ret_file,
                     struct err *err)
{
    AUTO(query_file_close) struct query_file *file = mem_new(struct query_file);
    file->path = mem_strdup(path);
    file->stream = fopen(path, "re");
    if (!file->stream)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    struct stat stat;
    if (fstat(fileno(file->stream), &stat) == 0)
        file->size = stat.st_size;
    file->is_test = str_ends(str_of(path), STR(".test"));
    file->time_base_ms = time_base_ms;
    *ret_file = TAKE(file);
    return true;
}

void query_file_close(struct query_file *file)
{
    if (!file)
        return;
    if (file->stream)
        fclose(file->stream);
    free(file->line);
    free(file->path);
    free(file);
}

/* A line may be longer than is allowed: it is read in pieces, so that it costs no memory. */
static bool line_next(struct query_file *file, size_t *ret_len)
{
    size_t len = 0;
    int byte;
    while ((byte = getc(file->stream)) != EOF) {
        file->place++;
        if (len <= QUERY_LINE_SIZE_MAX) {
            mem_grow(file->line, char, len, &file->line_cap);
            file->line[len++] = (char)byte;
        }
        if (byte == '\n')
            break;
    }
    file->line_number++;
    *ret_len = len;
    return len > 0;
}

bool query_file_next(struct query_file *file, struct arena *arena,
                     struct query_request *ret_request, bool *ret_more, struct err *err)
{
    bool found = false;
    size_t len;
    while (!found) {
        if (!line_next(file, &len)) {
            *ret_more = false;
            return !ferror(file->stream) ||
                   err_set(err, ERR_IO, "%s: cannot read: %s", file->path, strerror(errno));
        }
        if (len > QUERY_LINE_SIZE_MAX)
            return err_set(err, ERR_BAD_DATA, "%s:%zu: the line is longer than %zu bytes",
                           file->path, file->line_number, QUERY_LINE_SIZE_MAX);
        if (!query_line_read((struct str){file->line, len}, file->is_test, file->time_base_ms,
                             arena, ret_request, &found, err))
            return err_wrap(err, "%s:%zu", file->path, file->line_number);
    }
    ret_request->line = file->line_number;
    *ret_more = true;
    return true;
}

double query_file_progress(const struct query_file *file)
{
    return file->size > 0 && file->place < file->size ? (double)file->place / (double)file->size
                                                      : 1;
}
