#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/head_chunks.h"

/*
 * Writes full chunks into files of chunks_head, as Prometheus writes them:
 *
 *     head_chunk_writer_begin   there is a file, with room for so many bytes of chunks
 *     head_chunk_writer_add     a chunk waits; told where it will be
 *     head_chunk_writer_flush   all that wait are in the file, and can be read there; or none is
 *
 * Nothing is synced: the log has all of it. What a failed write has left is cut off, or written
 * over by the next one, so that only a process that is killed leaves half a chunk, at the very end.
 *
 * Thread: one at a time.
 */
struct head_chunk_writer;

/* `chunks` were read and repaired, and get the files that are written; they outlive the writer. */
struct head_chunk_writer *head_chunk_writer_create(const char *folder, struct head_chunks *chunks,
                                                   uint32_t next_number);
void head_chunk_writer_destroy(struct head_chunk_writer *writer);

/* The bytes that a chunk takes in a file, with `size` of data. */
size_t head_chunk_size(size_t size);

/* ERR_IO. Nothing waits. */
bool head_chunk_writer_begin(struct head_chunk_writer *writer, size_t size, struct err *err)
    MUST_CHECK;

/* In `chunk` all but the file and the places in it is given. */
void head_chunk_writer_add(struct head_chunk_writer *writer, struct head_chunk *chunk,
                           const uint8_t *data);

/* ERR_IO; what waited is forgotten. */
bool head_chunk_writer_flush(struct head_chunk_writer *writer, struct err *err) MUST_CHECK;

/* The next chunk begins a file, unless this one has none yet. */
void head_chunk_writer_cut(struct head_chunk_writer *writer);

/* Files from here on are not to be removed. */
uint32_t head_chunk_writer_number(const struct head_chunk_writer *writer);

DEFINE_AUTO(struct head_chunk_writer *, head_chunk_writer_destroy)
