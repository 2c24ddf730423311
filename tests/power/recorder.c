/*
 * Loaded into a server ahead of the C library, this writes down what the server does to the files
 * below one folder, in the order in which it happens: the material of which
 * tests/judge/power_disk.py makes the directory that a loss of power may leave.
 *
 *     MILLRACE_POWER_ROOT     the folder, an absolute path
 *     MILLRACE_POWER_LOG      where it is written to, elsewhere
 *     MILLRACE_POWER_SYNC_US  how long a sync takes at most: each another time
 *     MILLRACE_POWER_FAULTS   which calls fail: faults.h; none, without it
 *
 * A record is a header, and text (two paths, each ended by zero) or the bytes of a write. It is in
 * the log before the deed is done, and a second one behind it says how that went; one lock is held
 * meanwhile. So whoever kills the server finds all it did, and at most one
 * deed, the last, of which only the folder knows whether it was done.
 *
 * A sync syncs nothing: what is on the disk is decided by whoever reads the log. It takes its time
 * between two records; what others write meanwhile may or may not be part of it.
 *
 * Files are large here as in the servers: open is open64. What goes past the functions that are
 * caught (a shared map that is written to, bytes that the kernel copies) shows when the log is held
 * against the folder.
 *
 * Thread: any.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/power/faults.h"

#define CAUGHT __attribute__((visibility("default")))

/* Descriptors beyond are not known, and no server of a test has so many. */
#define FD_MAX 65536

/* The log's own descriptor is out of the way of those that a server would get. */
#define LOG_FD_MIN 1000

enum record_kind {
    RECORD_START,
    RECORD_RESULT, /* of the one before: `offset` is what the function gave */
    RECORD_CREATE, /* path; `flags` are those of open */
    RECORD_OPENED, /* path; now `fd` */
    RECORD_CLOSE,
    RECORD_WRITE, /* bytes, to `offset` */
    RECORD_SIZE,  /* `offset` is the size now */
    RECORD_SIZE_AT_LEAST,
    RECORD_SIZE_OF_PATH,
    RECORD_MAKE_FOLDER,
    RECORD_REMOVE,
    RECORD_REMOVE_FOLDER,
    RECORD_RENAME, /* from, to */
    RECORD_LINK,
    RECORD_SYNC_BEGIN, /* `offset` numbers it */
    RECORD_SYNC_END,
    RECORD_SYNC_FAILED,
};

struct record_header {
    uint32_t size; /* of all behind the header */
    uint32_t kind;
    int32_t fd;
    int32_t flags;
    int64_t offset;
};

static_assert(sizeof(struct record_header) == 24, "power_disk.py reads it");

static struct {
    pthread_mutex_t lock;
    char root[PATH_MAX];
    size_t root_len;
    int log; /* -1: nothing is written down */
    unsigned sync_us_max;
    _Atomic uint64_t syncs;
} recorder = {.lock = PTHREAD_MUTEX_INITIALIZER, .log = -1};

static _Atomic bool is_ours[FD_MAX];
static _Atomic uint8_t places[FD_MAX]; /* of those that are: enum fault_place */

/* The functions that are caught, of whoever comes next: a sanitizer, or the C library. */
static struct {
    int (*close)(int);
    int (*fallocate)(int, int, off_t, off_t);
    int (*fdatasync)(int);
    int (*fsync)(int);
    int (*ftruncate)(int, off_t);
    int (*link)(const char *, const char *);
    int (*mkdir)(const char *, mode_t);
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    int (*open)(const char *, int, ...);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    int (*remove)(const char *);
    int (*rename)(const char *, const char *);
    int (*rmdir)(const char *);
    int (*truncate)(const char *, off_t);
    int (*unlink)(const char *);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*writev)(int, const struct iovec *, int);
} next;

/* The first call may come before any constructor. */
static void next_find(void)
{
    if (next.writev)
        return;
    *(void **)&next.close = dlsym(RTLD_NEXT, "close");
    *(void **)&next.fallocate = dlsym(RTLD_NEXT, "fallocate");
    *(void **)&next.fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&next.fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&next.ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    *(void **)&next.link = dlsym(RTLD_NEXT, "link");
    *(void **)&next.mkdir = dlsym(RTLD_NEXT, "mkdir");
    *(void **)&next.mmap = dlsym(RTLD_NEXT, "mmap");
    *(void **)&next.open = dlsym(RTLD_NEXT, "open");
    *(void **)&next.pwrite = dlsym(RTLD_NEXT, "pwrite");
    *(void **)&next.remove = dlsym(RTLD_NEXT, "remove");
    *(void **)&next.rename = dlsym(RTLD_NEXT, "rename");
    *(void **)&next.rmdir = dlsym(RTLD_NEXT, "rmdir");
    *(void **)&next.truncate = dlsym(RTLD_NEXT, "truncate");
    *(void **)&next.unlink = dlsym(RTLD_NEXT, "unlink");
    *(void **)&next.write = dlsym(RTLD_NEXT, "write");
    *(void **)&next.writev = dlsym(RTLD_NEXT, "writev");
}

static _Noreturn void recorder_fail(const char *what)
{
    fprintf(stderr, "power recorder: %s\n", what);
    abort();
}

static void record_parts(struct record_header header, const struct iovec *parts, int part_count)
{
    struct iovec all[1 + 16];
    size_t size = 0;
    if (part_count > 16)
        recorder_fail("a write of too many parts");
    for (int i = 0; i < part_count; i++) {
        all[1 + i] = parts[i];
        size += parts[i].iov_len;
    }
    header.size = (uint32_t)size;
    all[0] = (struct iovec){&header, sizeof header};
    if (next.writev(recorder.log, all, 1 + part_count) != (ssize_t)(sizeof header + size))
        recorder_fail("the log cannot be written");
}

static void record(enum record_kind kind, int fd, int flags, int64_t offset)
{
    record_parts((struct record_header){.kind = kind, .fd = fd, .flags = flags, .offset = offset},
                 NULL, 0);
}

static void record_path(enum record_kind kind, const char *path, int fd, int flags, int64_t offset)
{
    struct iovec part = {(void *)(uintptr_t)path, strlen(path) + 1};
    record_parts((struct record_header){.kind = kind, .fd = fd, .flags = flags, .offset = offset},
                 &part, 1);
}

static void record_paths(enum record_kind kind, const char *from, const char *to)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)from, strlen(from) + 1},
                             {(void *)(uintptr_t)to, strlen(to) + 1}};
    record_parts((struct record_header){.kind = kind, .fd = -1}, parts, 2);
}

/* Gives back what the deed gave. errno stays. */
static ssize_t record_result(ssize_t result)
{
    int error = errno;
    record(RECORD_RESULT, -1, 0, result);
    errno = error;
    return result;
}

__attribute__((constructor)) static void recorder_open(void)
{
    next_find();
    const char *root = getenv("MILLRACE_POWER_ROOT");
    const char *log = getenv("MILLRACE_POWER_LOG");
    const char *sync_us = getenv("MILLRACE_POWER_SYNC_US");
    const char *faults = getenv("MILLRACE_POWER_FAULTS");
    if (!root || !log)
        return;
    if (faults && !faults_open(faults))
        recorder_fail("the rules of what fails cannot be read");
    recorder.root_len = strlen(root);
    if (recorder.root_len >= sizeof recorder.root)
        recorder_fail("a folder with too long a name");
    memcpy(recorder.root, root, recorder.root_len + 1);
    recorder.sync_us_max = sync_us ? (unsigned)strtoul(sync_us, NULL, 10) : 0;
    int fd = next.open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    recorder.log = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD_MIN);
    if (recorder.log < 0)
        recorder_fail("the log cannot be opened");
    next.close(fd);
    record(RECORD_START, -1, 0, 0);
}

/* Is the path that of the folder or below? */
static bool path_is_ours(const char *path)
{
    return recorder.log >= 0 && strncmp(path, recorder.root, recorder.root_len) == 0 &&
           (path[recorder.root_len] == '/' || path[recorder.root_len] == '\0');
}

static bool fd_is_ours(int fd)
{
    return fd >= 0 && fd < FD_MAX && atomic_load(&is_ours[fd]);
}

/* Is the call to fail? Then errno is set. */
static bool fd_fails(enum fault_call call, int fd)
{
    int error = fault_take(call, (enum fault_place)atomic_load(&places[fd]));
    if (error > 0)
        errno = error;
    return error > 0;
}

static bool path_fails(enum fault_call call, const char *path)
{
    int error = fault_take(call, fault_place_of(path + recorder.root_len));
    if (error > 0)
        errno = error;
    return error > 0;
}

static void lock(void)
{
    pthread_mutex_lock(&recorder.lock);
}

static void unlock(void)
{
    int error = errno;
    pthread_mutex_unlock(&recorder.lock);
    errno = error;
}

static int open_ours(const char *path, int flags, mode_t mode)
{
    if (flags & (O_CREAT | O_TRUNC) && path_fails(FAULT_CREATE, path))
        return -1;
    lock();
    if (flags & (O_CREAT | O_TRUNC))
        record_path(RECORD_CREATE, path, -1, flags, 0);
    int fd = next.open(path, flags, mode);
    if (flags & (O_CREAT | O_TRUNC))
        record_result(fd);
    if (fd >= FD_MAX)
        recorder_fail("too many files are open");
    if (fd >= 0) {
        record_path(RECORD_OPENED, path, fd, flags, 0);
        atomic_store(&places[fd], (uint8_t)fault_place_of(path + recorder.root_len));
        atomic_store(&is_ours[fd], true);
    }
    unlock();
    return fd;
}

CAUGHT int open(const char *path, int flags, ...)
{
    next_find();
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    bool unnamed = (flags & O_TMPFILE) == O_TMPFILE; /* nobody finds it behind the loss */
    return path_is_ours(path) && !unnamed ? open_ours(path, flags, mode)
                                          : next.open(path, flags, mode);
}

CAUGHT int close(int fd)
{
    next_find();
    if (!fd_is_ours(fd))
        return next.close(fd);
    lock();
    record(RECORD_CLOSE, fd, 0, 0);
    atomic_store(&is_ours[fd], false);
    bool fails = fd_fails(FAULT_CLOSE, fd);
    int error = errno;
    int result = next.close(fd); /* it is closed in any case, as with Linux */
    unlock();
    if (!fails)
        return result;
    errno = error;
    return -1;
}

/* Where a write without a place goes to. */
static off_t fd_place(int fd)
{
    struct stat st;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        return fstat(fd, &st) == 0 ? st.st_size : 0;
    return lseek(fd, 0, SEEK_CUR);
}

static void record_write(int fd, const void *bytes, size_t size, off_t offset)
{
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    record_parts((struct record_header){.kind = RECORD_WRITE, .fd = fd, .offset = offset}, &part,
                 1);
}

/* How much of a write is done; 0: it fails. */
static size_t write_size(int fd, size_t size)
{
    int error = fault_take(FAULT_WRITE, (enum fault_place)atomic_load(&places[fd]));
    if (error == FAULT_SHORT)
        return size > 1 ? size / 2 : size;
    if (error > 0)
        errno = error;
    return error > 0 ? 0 : size;
}

CAUGHT ssize_t write(int fd, const void *bytes, size_t size)
{
    next_find();
    if (!fd_is_ours(fd))
        return next.write(fd, bytes, size);
    size_t part = write_size(fd, size);
    if (part == 0 && size > 0)
        return -1;
    size = part;
    lock();
    record_write(fd, bytes, size, fd_place(fd));
    ssize_t put = record_result(next.write(fd, bytes, size));
    unlock();
    return put;
}

CAUGHT ssize_t writev(int fd, const struct iovec *parts, int part_count)
{
    next_find();
    if (!fd_is_ours(fd))
        return next.writev(fd, parts, part_count);
    size_t size = 0;
    for (int i = 0; i < part_count; i++)
        size += parts[i].iov_len;
    if (size > 0 && write_size(fd, size) == 0)
        return -1;
    lock();
    record_parts((struct record_header){.kind = RECORD_WRITE, .fd = fd, .offset = fd_place(fd)},
                 parts, part_count);
    ssize_t put = record_result(next.writev(fd, parts, part_count));
    unlock();
    return put;
}

CAUGHT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    next_find();
    if (!fd_is_ours(fd))
        return next.pwrite(fd, bytes, size, offset);
    size_t part = write_size(fd, size);
    if (part == 0 && size > 0)
        return -1;
    size = part;
    lock();
    record_write(fd, bytes, size, offset);
    ssize_t put = record_result(next.pwrite(fd, bytes, size, offset));
    unlock();
    return put;
}

CAUGHT int ftruncate(int fd, off_t size)
{
    next_find();
    if (!fd_is_ours(fd))
        return next.ftruncate(fd, size);
    if (fd_fails(FAULT_RESIZE, fd))
        return -1;
    lock();
    record(RECORD_SIZE, fd, 0, size);
    int result = (int)record_result(next.ftruncate(fd, size));
    unlock();
    return result;
}

CAUGHT int truncate(const char *path, off_t size)
{
    next_find();
    if (!path_is_ours(path))
        return next.truncate(path, size);
    if (path_fails(FAULT_RESIZE, path))
        return -1;
    lock();
    record_path(RECORD_SIZE_OF_PATH, path, -1, 0, size);
    int result = (int)record_result(next.truncate(path, size));
    unlock();
    return result;
}

CAUGHT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    next_find();
    if (!fd_is_ours(fd))
        return next.fallocate(fd, mode, offset, size);
    if (mode != 0)
        recorder_fail("fallocate with a mode");
    if (fd_fails(FAULT_RESIZE, fd))
        return -1;
    lock();
    record(RECORD_SIZE_AT_LEAST, fd, 0, offset + size);
    int result = (int)record_result(next.fallocate(fd, mode, offset, size));
    unlock();
    return result;
}

CAUGHT int mkdir(const char *path, mode_t mode)
{
    next_find();
    if (!path_is_ours(path))
        return next.mkdir(path, mode);
    if (path_fails(FAULT_CREATE, path))
        return -1;
    lock();
    record_path(RECORD_MAKE_FOLDER, path, -1, 0, 0);
    int result = (int)record_result(next.mkdir(path, mode));
    unlock();
    return result;
}

CAUGHT int rmdir(const char *path)
{
    next_find();
    if (!path_is_ours(path))
        return next.rmdir(path);
    if (path_fails(FAULT_REMOVE, path))
        return -1;
    lock();
    record_path(RECORD_REMOVE_FOLDER, path, -1, 0, 0);
    int result = (int)record_result(next.rmdir(path));
    unlock();
    return result;
}

CAUGHT int unlink(const char *path)
{
    next_find();
    if (!path_is_ours(path))
        return next.unlink(path);
    if (path_fails(FAULT_REMOVE, path))
        return -1;
    lock();
    record_path(RECORD_REMOVE, path, -1, 0, 0);
    int result = (int)record_result(next.unlink(path));
    unlock();
    return result;
}

CAUGHT int remove(const char *path)
{
    next_find();
    struct stat st;
    if (!path_is_ours(path))
        return next.remove(path);
    if (lstat(path, &st) != 0)
        return -1;
    return S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path);
}

CAUGHT int rename(const char *from, const char *to)
{
    next_find();
    if (!path_is_ours(from) && !path_is_ours(to))
        return next.rename(from, to);
    if (path_fails(FAULT_RENAME, to))
        return -1;
    lock();
    record_paths(RECORD_RENAME, from, to);
    int result = (int)record_result(next.rename(from, to));
    unlock();
    return result;
}

CAUGHT int link(const char *from, const char *to)
{
    next_find();
    if (!path_is_ours(from) && !path_is_ours(to))
        return next.link(from, to);
    if (path_fails(FAULT_CREATE, to))
        return -1;
    lock();
    record_paths(RECORD_LINK, from, to);
    int result = (int)record_result(next.link(from, to));
    unlock();
    return result;
}

static int sync_ours(int fd)
{
    uint64_t number = atomic_fetch_add(&recorder.syncs, 1);
    lock();
    record(RECORD_SYNC_BEGIN, fd, 0, (int64_t)number);
    unlock();
    if (recorder.sync_us_max > 0) {
        uint64_t ns = number * 2654435761u % (1000ull * recorder.sync_us_max);
        nanosleep(&(struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                                     .tv_nsec = (long)(ns % 1000000000)},
                  NULL);
    }
    bool fails = fd_fails(FAULT_SYNC, fd);
    lock();
    record(fails ? RECORD_SYNC_FAILED : RECORD_SYNC_END, fd, 0, (int64_t)number);
    unlock();
    return fails ? -1 : 0;
}

CAUGHT int fsync(int fd)
{
    next_find();
    return fd_is_ours(fd) ? sync_ours(fd) : next.fsync(fd);
}

CAUGHT int fdatasync(int fd)
{
    next_find();
    return fd_is_ours(fd) ? sync_ours(fd) : next.fdatasync(fd);
}

/* Without a file it is memory, which may be asked for before anything can be found. */
CAUGHT void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fd_is_ours(fd) && fd_fails(FAULT_MAP, fd))
        return MAP_FAILED;
    if (next.mmap)
        return next.mmap(at, size, protection, flags, fd, offset);
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}
