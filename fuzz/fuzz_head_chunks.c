/*
 * The first byte, odd: checksums are made right first, so that what is behind them is reached. The
 * rest is the one file of a folder; every chunk that comes is decoded.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/varint.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/head_chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void folder_remove(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/000001", folder);
    unlink(path);
    rmdir(folder);
}

static void mend(uint8_t *bytes, size_t size)
{
    for (size_t at = 8; at < size && size - at > 29;) {
        struct bytes_reader r = bytes_reader_of(bytes + at + 25, size - at - 25);
        uint64_t len = read_uvarint(&r);
        size_t header = (size_t)(r.at - (bytes + at));
        if (r.failed || len > size || size - at - header < len + 4)
            return;
        store_be32(bytes + at + header + len, crc32c(bytes + at, header + len));
        at += header + len + 4;
    }
}

static void write_file(const uint8_t *bytes, size_t size)
{
    char path[96];
    snprintf(path, sizeof path, "%s/000001", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/millrace-fuzz-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        atexit(folder_remove);
    }
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        mend(bytes, size - 1);
    write_file(bytes, size - 1);
    free(bytes);

    struct err err = {0};
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct head_chunks *chunks = head_chunks_create(folder);
    if (!head_chunks_look(chunks, &err))
        abort();
    struct head_chunk chunk;
    while (head_chunks_next(chunks, &chunk, &err) == TAIL_ITEM) {
        samples.count = 0;
        histogram_samples_clear(&histograms);
        if (!chunk_decode(chunk.encoding, head_chunk_bytes(&chunk), chunk.size, &samples, &err))
            err_clear(&err);
    }
    samples_done(&samples);
    histogram_samples_done(&histograms);
    head_chunks_destroy(chunks);
    return 0;
}
