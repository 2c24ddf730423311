/*
 * A rule is drawn here, and in tests/faults.py, which writes it:
 *
 *     calls u32, places u32 (bit masks) | error i32 (FAULT_SHORT too) | left i32 | thousandths u32
 *     | struck u32
 *
 * `left` is how often it still strikes, less than zero: for good, zero: it is none; of the calls
 * that it is for, so many thousandths are struck.
 */
#include "tests/power/faults.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULE_COUNT 4

struct fault_rule {
    _Atomic uint32_t calls;
    _Atomic uint32_t places;
    _Atomic int32_t error;
    _Atomic int32_t left;
    _Atomic uint32_t thousandths;
    _Atomic uint32_t struck;
};

static_assert(sizeof(struct fault_rule) == 24, "faults.py writes it");

static struct fault_rule *rules;
static _Atomic uint32_t calls_seen;

/* By the kernel itself: open and mmap are caught. */
bool faults_open(const char *path)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    long map = syscall(SYS_mmap, NULL, RULE_COUNT * sizeof *rules, PROT_READ | PROT_WRITE,
                       MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (map == -1)
        return false;
    rules = (struct fault_rule *)map;
    return true;
}

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

enum fault_place fault_place_of(const char *below)
{
    /* The folder of the data itself lies in that of the server, or is it. */
    if (begins_with(below, "/data"))
        below += strlen("/data");
    if (begins_with(below, "/wal/checkpoint."))
        return FAULT_IN_CHECKPOINT;
    if (begins_with(below, "/wal"))
        return FAULT_IN_WAL;
    if (begins_with(below, "/wbl"))
        return FAULT_IN_WBL;
    if (begins_with(below, "/chunks_head"))
        return FAULT_IN_CHUNKS_HEAD;
    if (begins_with(below, "/chunk_snapshot"))
        return FAULT_IN_SNAPSHOT;
    return begins_with(below, "/0") ? FAULT_IN_BLOCK : FAULT_ELSEWHERE; /* names are ULIDs */
}

static bool rule_is_for(struct fault_rule *rule, enum fault_call call, enum fault_place place)
{
    if (atomic_load(&rule->left) == 0 || !(atomic_load(&rule->calls) >> call & 1) ||
        !(atomic_load(&rule->places) >> place & 1))
        return false;
    uint32_t number = atomic_fetch_add(&calls_seen, 1);
    return (number * 2654435761u >> 8) % 1000 < atomic_load(&rule->thousandths);
}

/* Counts one down; false: there are none any more. */
static bool rule_strike(struct fault_rule *rule)
{
    int32_t left = atomic_load(&rule->left);
    while (left > 0)
        if (atomic_compare_exchange_weak(&rule->left, &left, left - 1))
            break;
    if (left == 0)
        return false;
    atomic_fetch_add(&rule->struck, 1);
    return true;
}

int fault_take(enum fault_call call, enum fault_place place)
{
    for (size_t i = 0; rules && i < RULE_COUNT; i++)
        if (rule_is_for(&rules[i], call, place) && rule_strike(&rules[i]))
            return atomic_load(&rules[i].error);
    return 0;
}
