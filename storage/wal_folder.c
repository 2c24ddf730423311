#include "storage/wal_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define SEGMENT_NUMBER_MAX 99999999u /* eight digits */

static const char checkpoint_prefix[] = "checkpoint.";
static const char unfinished_suffix[] = ".tmp";

/* The number that the text begins with; `*ret_end` is what follows it. */
static bool name_number(const char *name, uint32_t *ret_number, const char **ret_end)
{
    uint64_t number = 0;
    const char *at = name;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (uint64_t)(*at - '0');
        if (number > SEGMENT_NUMBER_MAX)
            return false;
    }
    *ret_number = (uint32_t)number;
    *ret_end = at;
    return at > name;
}

static bool name_is_segment(const char *name, uint32_t *ret_number)
{
    const char *end;
    return name_number(name, ret_number, &end) && *end == '\0';
}

static bool name_is_checkpoint(const char *name, uint32_t *ret_number, bool *ret_whole)
{
    const char *end;
    size_t len = sizeof checkpoint_prefix - 1;
    if (strncmp(name, checkpoint_prefix, len) != 0 || !name_number(name + len, ret_number, &end))
        return false;
    *ret_whole = *end == '\0';
    return *ret_whole || strcmp(end, unfinished_suffix) == 0;
}

static void wal_listing_checkpoint(struct wal_listing *listing, uint32_t number)
{
    size_t at = 0;
    while (at < listing->checkpoint_count && listing->checkpoints[at] > number)
        at++;
    if (at == ARRAY_COUNT(listing->checkpoints))
        return;
    if (listing->checkpoint_count < ARRAY_COUNT(listing->checkpoints))
        listing->checkpoint_count++;
    for (size_t i = listing->checkpoint_count - 1; i > at; i--)
        listing->checkpoints[i] = listing->checkpoints[i - 1];
    listing->checkpoints[at] = number;
}

static int number_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Takes a name of the folder in, if it is one of ours. */
static void wal_listing_add(struct wal_listing *listing, const char *name)
{
    uint32_t number;
    bool whole = false;
    if (name_is_segment(name, &number)) {
        mem_grow(listing->segments, uint32_t, listing->count, &listing->cap);
        listing->segments[listing->count++] = number;
    } else if (name_is_checkpoint(name, &number, &whole) && whole) {
        wal_listing_checkpoint(listing, number);
    }
}

bool wal_folder_list(const char *folder, struct wal_listing *listing, struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(folder, &names, err)) {
        if (err->kind != ERR_NOT_FOUND)
            return false;
        err_clear(err);
        return true;
    }
    for (size_t i = 0; i < names.count; i++)
        wal_listing_add(listing, names.items[i]);
    if (listing->count)
        qsort(listing->segments, listing->count, sizeof(uint32_t), number_order);
    return true;
}

void wal_listing_done(struct wal_listing *listing)
{
    free(listing->segments);
    *listing = (struct wal_listing){0};
}

bool wal_folder_checkpoint(const char *folder, const struct wal_listing *listing,
                           struct wal_checkpoint *ret_checkpoint, struct err *err)
{
    struct wal_checkpoint found = {0};
    for (size_t i = 0; i < listing->checkpoint_count && !found.is_there; i++) {
        AUTO(wal_listing_done) struct wal_listing inside = {0};
        char path[4096];
        wal_folder_checkpoint_path(folder, listing->checkpoints[i], path, sizeof path);
        if (!wal_folder_list(path, &inside, err))
            return false;
        if (inside.count == 0 || inside.segments[0] != 0)
            continue; /* half removed, or no checkpoint */
        found = (struct wal_checkpoint){true, listing->checkpoints[i],
                                        inside.segments[inside.count - 1]};
    }
    *ret_checkpoint = found;
    return true;
}

void wal_folder_segment_path(const char *folder, uint32_t number, char *out, size_t size)
{
    snprintf(out, size, "%s/%08u", folder, number);
}

void wal_folder_checkpoint_path(const char *folder, uint32_t number, char *out, size_t size)
{
    snprintf(out, size, "%s/%s%08u", folder, checkpoint_prefix, number);
}

bool wal_folder_write_last_again(const char *folder, struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    if (!wal_folder_list(folder, &listing, err))
        return false;
    if (listing.count == 0)
        return true;
    char path[4096];
    wal_folder_segment_path(folder, listing.segments[listing.count - 1], path, sizeof path);
    return file_write_again(path, err);
}

bool wal_folder_size_behind(const char *folder, uint32_t segment, uint64_t offset,
                            uint64_t *ret_size, struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    if (!wal_folder_list(folder, &listing, err))
        return false;
    uint64_t size = 0;
    for (size_t i = 0; i < listing.count; i++) {
        char path[4096];
        struct stat st;
        wal_folder_segment_path(folder, listing.segments[i], path, sizeof path);
        if (listing.segments[i] < segment || stat(path, &st) != 0) /* gone meanwhile */
            continue;
        uint64_t begin = listing.segments[i] == segment ? offset : 0;
        size += (uint64_t)st.st_size > begin ? (uint64_t)st.st_size - begin : 0;
    }
    *ret_size = size;
    return true;
}

bool wal_folder_sync_segments(const char *folder, struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    if (!wal_folder_list(folder, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++) {
        char path[4096];
        wal_folder_segment_path(folder, listing.segments[i], path, sizeof path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) /* removed meanwhile: nobody needs it */
            continue;
        bool good = fd >= 0 && fdatasync(fd) == 0;
        if (!good)
            err_set(err, ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        if (!good)
            return false;
    }
    return true;
}

bool wal_folder_remove_segment(const char *folder, uint32_t number, struct err *err)
{
    char path[4096];
    wal_folder_segment_path(folder, number, path, sizeof path);
    if (unlink(path) != 0)
        return err_set(err, ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
    return file_sync_folder(folder, err);
}

bool wal_folder_remove_segments(const char *folder, uint32_t last, struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    if (!wal_folder_list(folder, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count && listing.segments[i] <= last; i++)
        if (!wal_folder_remove_segment(folder, listing.segments[i], err))
            return false;
    return true;
}

bool wal_folder_remove_checkpoints(const char *folder, uint32_t before, struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(folder, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        uint32_t number;
        bool whole;
        if (!name_is_checkpoint(names.items[i], &number, &whole) || (whole && number >= before))
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names.items[i]);
        if (!file_remove_all(path, err))
            return false;
    }
    return true;
}
