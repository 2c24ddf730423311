#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool file_error(struct err *err, const char *path, const char *deed)
{
    enum err_kind kind = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    return err_set(err, kind, "%s: cannot %s: %s", path, deed, strerror(errno));
}

static void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void fd_close_auto(int *fd)
{
    fd_close(*fd);
}

bool file_read(const char *path, size_t size_max, struct buf *out, struct err *err)
{
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error(err, path, "open");

    size_t start = out->len;
    for (;;) {
        ssize_t got = read(fd, buf_reserve(out, 64 << 10), 64 << 10);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error(err, path, "read");
        if (got == 0)
            return true;
        out->len += (size_t)got;
        if (out->len - start > size_max)
            return err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", path, size_max);
    }
}

bool file_write_at(int fd, const void *bytes, size_t size, uint64_t at)
{
    for (const char *next = bytes; size > 0;) {
        ssize_t put = pwrite(fd, next, size, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        next += put;
        at += (uint64_t)put;
        size -= (size_t)put;
    }
    return true;
}

static bool file_write_again_fd(int fd, struct buf *window)
{
    for (uint64_t at = 0;;) {
        ssize_t got = pread(fd, window->ptr, window->cap, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 && fdatasync(fd) == 0;
        if (!file_write_at(fd, window->ptr, (size_t)got, at))
            return false;
        at += (uint64_t)got;
    }
}

bool file_write_again(const char *path, struct err *err)
{
    AUTO(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return file_error(err, path, "open");
    AUTO(buf_done) struct buf window = {0};
    buf_reserve(&window, (size_t)1 << 20);
    return file_write_again_fd(fd, &window) || file_error(err, path, "write again");
}

static bool file_write_fd(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes.ptr += put;
        bytes.len -= (size_t)put;
    }
    return fsync(fd) == 0;
}

bool file_sync_folder(const char *path, struct err *err)
{
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_error(err, path, "open folder");
    if (fsync(fd) != 0)
        return file_error(err, path, "sync folder");
    return true;
}

/* The names beside a file or folder, its own among them, are on the disk. */
static bool file_sync_parent(const char *path, struct err *err)
{
    char *copy = mem_strdup(path);
    bool good = file_sync_folder(dirname(copy), err);
    free(copy);
    return good;
}

bool file_write_whole(const char *path, struct str bytes, struct err *err)
{
    char scratch[4096];
    if ((size_t)snprintf(scratch, sizeof scratch, "%s.tmp", path) >= sizeof scratch)
        return err_set(err, ERR_IO, "%s: path too long", path);

    AUTO(fd_close) int fd = open(scratch, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return file_error(err, scratch, "create");
    if (!file_write_fd(fd, bytes)) {
        file_error(err, scratch, "write");
        unlink(scratch);
        return false;
    }
    if (rename(scratch, path) != 0) {
        file_error(err, path, "rename to");
        unlink(scratch);
        return false;
    }
    return file_sync_parent(path, err);
}

bool file_make_folder(const char *path, struct err *err)
{
    struct stat st;
    if (mkdir(path, 0755) == 0) {
        if (file_sync_parent(path, err))
            return true;
        rmdir(path); /* so that it is not taken for one that is on the disk */
        return false;
    }
    if (errno != EEXIST || stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return file_error(err, path, "make folder");

    /* Perhaps by one who was killed before the sync. Where we may not, it was not one of us. */
    struct err sync_err = {0};
    if (!file_sync_parent(path, &sync_err))
        err_clear(&sync_err);
    return true;
}

bool file_cut(const char *path, uint64_t size, struct err *err)
{
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 ||
        ((uint64_t)st.st_size > size && ftruncate(fd, (off_t)size) != 0) || fsync(fd) != 0)
        return file_error(err, path, "cut");
    return true;
}

/* Some file systems cannot make a file without a name: one is made with a name, which goes. */
static int unnamed_by_name(const char *folder)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/.unnamed-XXXXXX", folder) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

bool file_open_unnamed(const char *folder, int *ret_fd, struct err *err)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = unnamed_by_name(folder);
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: cannot make a temporary file: %s", folder,
                       strerror(errno));
    *ret_fd = fd;
    return true;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void file_names_done(struct file_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct file_names){0};
}

static void file_names_add(struct file_names *names, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    mem_grow(names->items, char *, names->count, &names->cap);
    names->items[names->count++] = mem_strdup(name);
}

bool file_names_read(const char *folder, struct file_names *ret_names, struct err *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return file_error(err, folder, "list");
    struct file_names names = {0};
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL; errno = 0)
        file_names_add(&names, entry->d_name);
    int failed = errno;
    closedir(dir);
    errno = failed;
    if (failed) {
        file_names_done(&names);
        return file_error(err, folder, "list");
    }
    *ret_names = names;
    return true;
}

bool file_tree_size(const char *path, uint64_t *ret_size, struct err *err)
{
    char *roots[] = {(char *)(uintptr_t)path, NULL};
    if (!file_exists(path)) {
        *ret_size = 0;
        return true;
    }
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return file_error(err, path, "list");
    uint64_t size = 0;
    errno = 0;
    for (const FTSENT *entry; (entry = fts_read(tree)); errno = 0)
        if (entry->fts_info == FTS_F)
            size += (uint64_t)entry->fts_statp->st_size;
    int failed = errno;
    fts_close(tree);
    errno = failed;
    if (failed)
        return file_error(err, path, "list");
    *ret_size = size;
    return true;
}

static int file_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

bool file_remove_all(const char *path, struct err *err)
{
    if (nftw(path, file_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return file_error(err, path, "remove");
    return true;
}
