#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * A new file, written front to back through a buffer, with a running CRC-32C of what was written
 * since the last out_crc_begin. A failure to write is remembered, and told by out_file_finish. A
 * file that failed, or was not finished, is the caller's to remove.
 *
 * Thread: one at a time.
 */
struct out_file {
    int fd;
    char *path;
    uint64_t size; /* all that was written, buffered or not */
    uint32_t crc;
    int error; /* errno of the first failure */
    struct buf buf;
};

/* ERR_IO; a file that is there already is one. */
bool out_file_create(const char *path, struct out_file *ret_file, struct err *err) MUST_CHECK;
/* Flushes, syncs and closes. */
bool out_file_finish(struct out_file *file, struct err *err) MUST_CHECK;
/* Closes what was not finished. */
void out_file_done(struct out_file *file);

void out_bytes(struct out_file *file, const void *bytes, size_t len);
void out_u8(struct out_file *file, uint8_t v);
void out_be32(struct out_file *file, uint32_t v);
void out_be64(struct out_file *file, uint64_t v);
void out_uvarint(struct out_file *file, uint64_t v);
/* Zeros up to a multiple of `alignment`. */
void out_pad(struct out_file *file, size_t alignment);

static inline void out_crc_begin(struct out_file *file)
{
    file->crc = 0;
}

static inline void out_file_done_auto(struct out_file *file)
{
    out_file_done(file);
}
