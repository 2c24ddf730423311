#include "storage/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/varint.h"

#define OUT_BUFFER_SIZE (256u << 10)

bool out_file_create(const char *path, struct out_file *ret_file, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    *ret_file = (struct out_file){.fd = fd, .path = mem_strdup(path)};
    return true;
}

static void out_flush(struct out_file *file)
{
    const char *at = file->buf.ptr;
    size_t left = file->buf.len;
    while (left > 0 && !file->error) {
        ssize_t put = write(file->fd, at, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            file->error = put < 0 ? errno : EIO;
            break;
        }
        at += put;
        left -= (size_t)put;
    }
    buf_clear(&file->buf);
}

bool out_file_finish(struct out_file *file, struct err *err)
{
    out_flush(file);
    if (!file->error && fsync(file->fd) != 0)
        file->error = errno;
    if (close(file->fd) != 0 && !file->error)
        file->error = errno;
    file->fd = -1;
    if (file->error)
        err_set(err, ERR_IO, "%s: cannot write: %s", file->path, strerror(file->error));
    bool ok = !file->error;
    out_file_done(file);
    return ok;
}

void out_file_done(struct out_file *file)
{
    if (file->path && file->fd >= 0)
        close(file->fd);
    free(file->path);
    buf_done(&file->buf);
    *file = (struct out_file){.fd = -1};
}

void out_bytes(struct out_file *file, const void *bytes, size_t len)
{
    buf_append(&file->buf, bytes, len);
    file->size += len;
    file->crc = crc32c_extend(file->crc, bytes, len);
    if (file->buf.len >= OUT_BUFFER_SIZE)
        out_flush(file);
}

void out_u8(struct out_file *file, uint8_t v)
{
    out_bytes(file, &v, 1);
}

void out_be32(struct out_file *file, uint32_t v)
{
    uint8_t bytes[4];
    store_be32(bytes, v);
    out_bytes(file, bytes, sizeof bytes);
}

void out_be64(struct out_file *file, uint64_t v)
{
    uint8_t bytes[8];
    store_be64(bytes, v);
    out_bytes(file, bytes, sizeof bytes);
}

void out_uvarint(struct out_file *file, uint64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    out_bytes(file, bytes, write_uvarint(bytes, v));
}

void out_pad(struct out_file *file, size_t alignment)
{
    while (file->size % alignment)
        out_u8(file, 0);
}
