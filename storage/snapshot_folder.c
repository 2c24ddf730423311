#include "storage/snapshot_folder.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

static const char prefix[] = "chunk_snapshot.";
static const char unfinished_suffix[] = ".tmp";

#define SEGMENT_MAX 99999999u
#define OFFSET_MAX ((uint64_t)1 << 40)

void snapshot_folder_path(const char *root, struct snapshot_place place, char *out, size_t size)
{
    snprintf(out, size, "%s/%s%06u.%010llu", root, prefix, place.segment,
             (unsigned long long)place.offset);
}

void snapshot_notes_path(const char *folder, char *out, size_t size)
{
    snprintf(out, size, "%s/notes", folder);
}

/* The number that *at begins with; it moves behind it. */
static bool name_number(const char **at, uint64_t most, uint64_t *ret_number)
{
    const char *begin = *at;
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (uint64_t)(**at - '0');
        if (number > most)
            return false;
    }
    *ret_number = number;
    return *at > begin;
}

static bool name_is_snapshot(const char *name, struct snapshot_place *ret_place, bool *ret_whole)
{
    uint64_t segment, offset;
    const char *at = name + sizeof prefix - 1;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !name_number(&at, SEGMENT_MAX, &segment) ||
        *at++ != '.' || !name_number(&at, OFFSET_MAX, &offset))
        return false;
    *ret_place = (struct snapshot_place){(uint32_t)segment, offset};
    *ret_whole = *at == '\0';
    return *ret_whole || strcmp(at, unfinished_suffix) == 0;
}

int snapshot_place_order(struct snapshot_place a, struct snapshot_place b)
{
    if (a.segment != b.segment)
        return a.segment < b.segment ? -1 : 1;
    return (a.offset > b.offset) - (a.offset < b.offset);
}

bool snapshot_folder_newest(const char *root, bool *ret_is_there, struct snapshot_place *ret_place,
                            struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    *ret_is_there = false;
    if (!file_names_read(root, &names, err)) {
        bool nothing = err->kind == ERR_NOT_FOUND;
        if (nothing)
            err_clear(err);
        return nothing;
    }
    for (size_t i = 0; i < names.count; i++) {
        struct snapshot_place place;
        bool whole;
        if (!name_is_snapshot(names.items[i], &place, &whole) || !whole)
            continue;
        if (!*ret_is_there || snapshot_place_order(*ret_place, place) < 0)
            *ret_place = place;
        *ret_is_there = true;
    }
    return true;
}

/* Those that are whole go too, but for the one of this place. */
static bool remove_all_but(const char *root, bool whole_ones, const struct snapshot_place *kept,
                           struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(root, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        struct snapshot_place place;
        bool whole;
        if (!name_is_snapshot(names.items[i], &place, &whole))
            continue;
        if (whole && (!whole_ones || (kept && snapshot_place_order(place, *kept) == 0)))
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", root, names.items[i]);
        if (!file_remove_all(path, err))
            return false;
    }
    return true;
}

bool snapshot_folder_remove_unfinished(const char *root, struct err *err)
{
    return remove_all_but(root, false, NULL, err);
}

bool snapshot_folder_remove(const char *root, const struct snapshot_place *kept, struct err *err)
{
    return remove_all_but(root, true, kept, err);
}
