#include "storage/test_disk.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int skipped[TEST_DISK_CALL_COUNT];
static _Atomic int failing[TEST_DISK_CALL_COUNT];

void test_disk_fail(enum test_disk_call call, int skip, int times)
{
    atomic_store(&skipped[call], skip);
    atomic_store(&failing[call], times);
}

bool test_disk_settle(enum test_disk_call call)
{
    return atomic_exchange(&failing[call], 0) > 0;
}

static bool call_fails(enum test_disk_call call)
{
    if (atomic_load(&failing[call]) == 0 || atomic_fetch_sub(&skipped[call], 1) > 0)
        return false;
    atomic_fetch_sub(&failing[call], 1);
    errno = EIO;
    return true;
}

int fsync(int fd)
{
    return call_fails(TEST_DISK_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return call_fails(TEST_DISK_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return call_fails(TEST_DISK_WRITE) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && call_fails(TEST_DISK_MAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

struct dirent *readdir(DIR *folder)
{
    struct dirent *(*next)(DIR *);
    *(void **)&next = dlsym(RTLD_NEXT, "readdir64");
    return call_fails(TEST_DISK_LIST) ? NULL : next(folder);
}

int remove(const char *path)
{
    if (call_fails(TEST_DISK_REMOVE))
        return -1;
    long gone = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (gone != 0 && errno == EISDIR)
        gone = syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
    return (int)gone;
}

int unlink(const char *path)
{
    return call_fails(TEST_DISK_REMOVE) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
