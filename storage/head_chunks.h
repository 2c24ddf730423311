#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/tail.h"

/*
 * The folder of head chunk files (chunks_head): full chunks of the head that Prometheus has put
 * out of its memory, read while it goes on writing.
 *
 * Thread: one at a time; the bytes of chunks may be read from any.
 */
struct head_chunks;
struct head_chunk_file;

/* A chunk may have so many bytes, a file too. */
#define HEAD_CHUNK_SIZE_MAX ((uint32_t)16 << 20)
#define HEAD_CHUNK_FILE_SIZE_MAX ((size_t)128 << 20)

/* What a file begins with, and what is around the data of a chunk. */
#define HEAD_CHUNK_FILE_MAGIC 0x0130BC91u
#define HEAD_CHUNK_FILE_VERSION 1
#define HEAD_CHUNK_FILE_HEADER_SIZE 8
#define HEAD_CHUNK_FIXED_SIZE (8 + 8 + 8 + 1) /* before the size */
#define HEAD_CHUNK_CRC_SIZE 4
#define HEAD_CHUNK_OUT_OF_ORDER 0x80

struct head_chunk {
    uint64_t series_ref;
    int64_t begin_ms;
    int64_t end_ms;
    struct head_chunk_file
        *file;      /* keeps the bytes: take a reference for as long as they are used */
    uint32_t place; /* offset of the chunk in the file */
    uint32_t data;  /* offset of what chunk_decode takes */
    uint32_t size;
    uint8_t encoding; /* without the mark */
    bool out_of_order;
};

struct head_chunks *head_chunks_create(const char *folder);
void head_chunks_destroy(struct head_chunks *chunks);

/* Lists the folder, which need not be there. */
bool head_chunks_look(struct head_chunks *chunks, struct err *err) MUST_CHECK;

/*
 * The next chunk that is whole, in the order they were written. TAIL_ERR with ERR_CORRUPT names
 * file and offset; what follows in the file and in those behind it is dropped, as Prometheus does:
 * the WAL has it all.
 */
enum tail_read head_chunks_next(struct head_chunks *chunks, struct head_chunk *ret_chunk,
                                struct err *err) MUST_CHECK;

static inline uint64_t head_chunk_place(uint32_t file, uint32_t offset)
{
    return (uint64_t)file << 32 | offset;
}

/* The place of the newest chunk given out; 0: none was. As the markers of a WBL count them. */
uint64_t head_chunks_newest(const struct head_chunks *chunks);

/* Where the bytes of a chunk lie: its file's number and the offset of what chunk_decode takes. */
uint64_t head_chunk_file_place(const struct head_chunk_file *file, const uint8_t *data);

/* Is there anything behind the last chunk that was given out? */
bool head_chunks_are_torn(const struct head_chunks *chunks);

/* In a map: whoever has read them asks file_map_check. */
const uint8_t *head_chunk_bytes(const struct head_chunk *chunk);

/*
 * Does a chunk still match its checksum, as it did when it was given out? `data` and `size` are
 * those of head_chunk_bytes. ERR_CORRUPT, and ERR_IO where some of it is lost: file and offset.
 */
bool head_chunk_check(const uint8_t *data, size_t size, struct err *err) MUST_CHECK;

/* How often the rest was dropped since this was asked last. */
uint64_t head_chunks_take_damages(struct head_chunks *chunks);

/*
 * For who writes on, once all was read: cuts off what lies behind the last good chunk, and removes
 * the files behind a damage. *ret_next: the number of the file to begin.
 */
bool head_chunks_repair(struct head_chunks *chunks, uint32_t *ret_next, struct err *err) MUST_CHECK;

/*
 * The newest file is written once more, where it is, and synced: a process that has ended may have
 * failed to, and behind that a sync alone says nothing. After a repair.
 */
bool head_chunks_write_last_again(struct head_chunks *chunks, struct err *err) MUST_CHECK;

/* Do all chunks in the first `size` bytes of a file that is mapped still check? */
bool head_chunk_file_is_whole(const struct head_chunk_file *file, size_t size);

/* Maps a file that we write, with a number beyond all others; borrowed until it is removed. */
bool head_chunks_add_file(struct head_chunks *chunks, uint32_t number, int fd,
                          struct head_chunk_file **ret_file, struct err *err) MUST_CHECK;

/*
 * Removes the oldest files up to the first that somebody still holds a chunk of, and none from
 * `end` on: so that there is no gap between their numbers.
 */
bool head_chunks_remove_unused(struct head_chunks *chunks, uint32_t end, struct err *err)
    MUST_CHECK;

/* From any thread; the last one unmaps the file. */
void head_chunk_file_ref(struct head_chunk_file *file);
void head_chunk_file_unref(struct head_chunk_file *file);

DEFINE_AUTO(struct head_chunks *, head_chunks_destroy)
