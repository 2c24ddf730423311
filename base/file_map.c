/*
 * All maps stand in a list that the handler of SIGBUS walks. It looks for the one that has the
 * address, notes what is lost, lays a page of zeros over it, and returns, so that the read that
 * failed is done again, and gives zeros.
 *
 * What a map has lost is one span, from the first page to the last, and all of it becomes zeros, so
 * that a file that is cut costs one more piece of address space rather than one for each page. It
 * is noted before the zeros are there: who has read one of them finds it noted.
 *
 * The handler takes no lock, allocates nothing, and calls nothing but the kernel. Entries of the
 * list are never freed but used again; one that changes has an odd version, and is none that the
 * handler looks for, because a map that is read is not opened or closed meanwhile.
 */
#include "base/file_map.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* Addresses from `begin` to before `end`, growing; nothing, while end is 0. */
struct span {
    _Atomic uintptr_t begin;
    _Atomic uintptr_t end;
};

struct file_mapping {
    _Atomic uint64_t version;
    _Atomic uintptr_t begin; /* 0: not in use */
    _Atomic uintptr_t end;   /* of its last page */
    struct span lost;
    char *path; /* this and what follows: under the lock */
    bool told;
};

#define GROUP_SIZE 64

struct mapping_group {
    struct mapping_group *next; /* older: never changes */
    struct file_mapping mappings[GROUP_SIZE];
};

static _Atomic(struct mapping_group *) groups;
static struct span all_lost = {UINTPTR_MAX, 0}; /* and what is between: never shrinks */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t guarded = PTHREAD_ONCE_INIT;
static struct sigaction action_before;
static uintptr_t page_size;

static void span_widen(struct span *span, uintptr_t begin, uintptr_t end)
{
    uintptr_t now = atomic_load(&span->begin);
    while (begin < now && !atomic_compare_exchange_weak(&span->begin, &now, begin))
        ;
    now = atomic_load(&span->end);
    while (end > now && !atomic_compare_exchange_weak(&span->end, &now, end))
        ;
}

static bool span_meets(const struct span *span, uintptr_t begin, uintptr_t end)
{
    return atomic_load_explicit(&span->begin, memory_order_relaxed) < end &&
           begin < atomic_load_explicit(&span->end, memory_order_relaxed);
}

/* Goes over all mappings, in use or not. */
struct mapping_walk {
    struct mapping_group *group;
    size_t at;
};

static struct mapping_walk mapping_walk(void)
{
    return (struct mapping_walk){.group = atomic_load(&groups)};
}

static struct file_mapping *mapping_next(struct mapping_walk *walk)
{
    if (walk->group && walk->at == GROUP_SIZE)
        *walk = (struct mapping_walk){.group = walk->group->next};
    return walk->group ? &walk->group->mappings[walk->at++] : NULL;
}

static struct file_mapping *mapping_find(uintptr_t address)
{
    struct mapping_walk walk = mapping_walk();
    struct file_mapping *mapping;
    while ((mapping = mapping_next(&walk))) {
        uint64_t version = atomic_load(&mapping->version);
        bool has = atomic_load(&mapping->begin) <= address && address < atomic_load(&mapping->end);
        if (has && version % 2 == 0 && atomic_load(&mapping->version) == version)
            return mapping;
    }
    return NULL;
}

/* In the handler: the page at the address is lost. False: it is none of ours, or stays as it is. */
static bool mapping_lose(uintptr_t address)
{
    struct file_mapping *mapping = mapping_find(address);
    if (!mapping)
        return false;
    uintptr_t page = address - address % page_size;
    span_widen(&mapping->lost, page, page + page_size);
    uintptr_t begin = atomic_load(&mapping->lost.begin);
    uintptr_t end = atomic_load(&mapping->lost.end);
    span_widen(&all_lost, begin, end);
    /* By the kernel itself: sanitizers put more into mmap than a handler may do. */
    return syscall(SYS_mmap, begin, end - begin, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0) != -1;
}

static void handle_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    int errno_before = errno;
    bool is_fault = info->si_code > 0; /* else somebody has sent it */
    if (!is_fault || !mapping_lose((uintptr_t)info->si_addr)) {
        sigaction(SIGBUS, &action_before, NULL); /* where the fault comes again */
        if (!is_fault)
            raise(number);
    }
    errno = errno_before;
}

static void guard_maps(void)
{
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = handle_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    int failed = sigaction(SIGBUS, &action, &action_before);
    assert(!failed);
}

/* Under the lock. */
static struct file_mapping *mapping_unused(void)
{
    struct mapping_walk walk = mapping_walk();
    struct file_mapping *mapping;
    while ((mapping = mapping_next(&walk)))
        if (atomic_load(&mapping->begin) == 0)
            return mapping;
    struct mapping_group *group = mem_new(struct mapping_group);
    group->next = atomic_load(&groups);
    atomic_store(&groups, group);
    return &group->mappings[0];
}

static void mapping_set(struct file_mapping *mapping, uintptr_t begin, uintptr_t end)
{
    atomic_fetch_add(&mapping->version, 1);
    atomic_store(&mapping->begin, begin);
    atomic_store(&mapping->end, end);
    atomic_store(&mapping->lost.begin, UINTPTR_MAX);
    atomic_store(&mapping->lost.end, 0);
    atomic_fetch_add(&mapping->version, 1);
}

bool file_map_open_fd(int fd, const char *path, size_t size, struct file_map *ret_map)
{
    assert(size > 0);
    pthread_once(&guarded, guard_maps);
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    uintptr_t begin = (uintptr_t)bytes;
    pthread_mutex_lock(&lock);
    struct file_mapping *mapping = mapping_unused();
    mapping->path = mem_strdup(path);
    mapping->told = false;
    mapping_set(mapping, begin, begin + (size + page_size - 1) / page_size * page_size);
    pthread_mutex_unlock(&lock);
    *ret_map = (struct file_map){.bytes = bytes, .size = size, .mapping = mapping};
    return true;
}

static bool map_error(struct err *err, const char *path, const char *deed)
{
    enum err_kind kind = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    return err_set(err, kind, "%s: cannot %s: %s", path, deed, strerror(errno));
}

static bool map_open_whole(int fd, const char *path, struct file_map *ret_map, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return map_error(err, path, "open");
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s: not a regular file", path);
    *ret_map = (struct file_map){0};
    return st.st_size == 0 || file_map_open_fd(fd, path, (size_t)st.st_size, ret_map) ||
           map_error(err, path, "map");
}

bool file_map_open(const char *path, struct file_map *ret_map, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return map_error(err, path, "open");
    bool good = map_open_whole(fd, path, ret_map, err);
    close(fd);
    return good;
}

void file_map_close(struct file_map *map)
{
    if (map->bytes) {
        pthread_mutex_lock(&lock);
        free(TAKE(map->mapping->path));
        mapping_set(map->mapping, 0, 0);
        pthread_mutex_unlock(&lock);
        munmap((void *)(uintptr_t)map->bytes, map->size);
    }
    *map = (struct file_map){0};
}

void file_map_forget(const struct file_map *map)
{
    if (map->bytes)
        madvise((void *)(uintptr_t)map->bytes, map->size, MADV_DONTNEED);
}

/* What was read before is not read behind what follows. */
static void reads_settle(void)
{
#ifdef __SANITIZE_THREAD__
    atomic_signal_fence(memory_order_seq_cst); /* gcc has no other one there */
#else
    atomic_thread_fence(memory_order_acquire);
#endif
}

/* Under the lock. */
static bool mapping_lost(const struct file_mapping *mapping, struct err *err)
{
    uintptr_t at = atomic_load(&mapping->lost.begin) - atomic_load(&mapping->begin);
    return err_set(err, ERR_IO,
                   "%s: offset %zu: cannot be read: the disk has failed, or the file was cut",
                   mapping->path, (size_t)at);
}

/* Something is lost, here or elsewhere. */
static NO_INLINE bool mapping_check(uintptr_t begin, uintptr_t end, struct err *err)
{
    pthread_mutex_lock(&lock);
    struct file_mapping *mapping = mapping_find(begin);
    bool good = !mapping || !span_meets(&mapping->lost, begin, end) || mapping_lost(mapping, err);
    pthread_mutex_unlock(&lock);
    return good;
}

bool file_map_check(const void *bytes, size_t size, struct err *err)
{
    uintptr_t begin = (uintptr_t)bytes;
    reads_settle();
    return LIKELY(!span_meets(&all_lost, begin, begin + size)) ||
           mapping_check(begin, begin + size, err);
}

bool file_map_corrupt(const void *bytes, const char *what, struct err *err)
{
    uintptr_t at = (uintptr_t)bytes;
    pthread_mutex_lock(&lock);
    const struct file_mapping *mapping = mapping_find(at);
    assert(mapping);
    err_set(err, ERR_CORRUPT, "%s: offset %zu: %s", mapping->path,
            (size_t)(at - atomic_load(&mapping->begin)), what);
    pthread_mutex_unlock(&lock);
    return false;
}

bool file_map_is_lost(const struct file_map *map)
{
    return map->bytes && atomic_load(&map->mapping->lost.end) != 0;
}

static bool fd_has(int fd, uintptr_t at)
{
    char byte;
    return pread(fd, &byte, 1, (off_t)at) == 1;
}

bool file_map_is_back(const struct file_map *map)
{
    if (!file_map_is_lost(map))
        return false;
    const struct file_mapping *mapping = map->mapping;
    uintptr_t begin = atomic_load(&mapping->begin);
    uintptr_t first = atomic_load(&mapping->lost.begin) - begin;
    uintptr_t last = atomic_load(&mapping->lost.end) - begin - page_size;
    int fd = open(mapping->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool good = fd >= 0 && fstat(fd, &st) == 0 && (uintmax_t)st.st_size == map->size &&
                fd_has(fd, first) && fd_has(fd, last);
    if (fd >= 0)
        close(fd);
    return good;
}

bool file_map_tell_lost(struct err *err)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    struct mapping_walk walk = mapping_walk();
    struct file_mapping *mapping;
    while (!found && (mapping = mapping_next(&walk))) {
        if (mapping->told || atomic_load(&mapping->lost.end) == 0)
            continue;
        mapping->told = true;
        found = !mapping_lost(mapping, err);
    }
    pthread_mutex_unlock(&lock);
    return found;
}
