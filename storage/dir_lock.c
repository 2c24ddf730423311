#include "storage/dir_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* So often the file may be removed by its last owner while we take it. */
#define ATTEMPTS_MAX 100

struct dir_lock {
    char *path;
    int fd;
    bool was_clean;
};

void dir_lock_close(struct dir_lock *lock)
{
    if (!lock)
        return;
    if (lock->fd >= 0) {
        unlink(lock->path); /* before the lock goes: afterwards it may be another one's */
        close(lock->fd);
    }
    free(lock->path);
    free(lock);
}

bool dir_lock_was_clean(const struct dir_lock *lock)
{
    return lock->was_clean;
}

/* Is what was locked still the file of that name? */
static bool lock_is_at(int fd, const char *path)
{
    struct stat held, there;
    return fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

bool dir_lock_open(const char *dir, struct dir_lock **ret_lock, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", dir);
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        bool was_there = access(path, F_OK) == 0;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            return err_set(err, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int error = errno;
            close(fd);
            if (error == EWOULDBLOCK)
                return err_set(err, ERR_EXECUTION, "%s: another process writes to this directory",
                               path);
            return err_set(err, ERR_IO, "%s: cannot lock: %s", path, strerror(error));
        }
        if (!lock_is_at(fd, path)) {
            close(fd);
            continue;
        }
        struct dir_lock *lock = mem_new(struct dir_lock);
        lock->path = mem_strdup(path);
        lock->fd = fd;
        lock->was_clean = !was_there;
        *ret_lock = lock;
        return true;
    }
    return err_set(err, ERR_IO, "%s: is made and removed all the time", path);
}
