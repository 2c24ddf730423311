#include "server/metadata.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "storage/remote/write_request.h"

struct entry {
    enum append_metric type;
    char *help; /* with its terminator; texts with one inside end there */
    char *unit;
};

struct family {
    char *name;
    struct entry entries[METADATA_ENTRIES_MAX];
    size_t count;
    size_t next; /* the place of the next entry: the oldest's, once all are taken */
};

struct metadata {
    pthread_mutex_t lock;
    struct map map; /* hash of the name -> family */
    struct family **families;
    size_t count, cap;
};

struct metadata *metadata_create(void)
{
    struct metadata *metadata = mem_new(struct metadata);
    pthread_mutex_init(&metadata->lock, NULL);
    return metadata;
}

static void entry_done(struct entry *entry)
{
    free(entry->help);
    free(entry->unit);
}

void metadata_destroy(struct metadata *metadata)
{
    if (!metadata)
        return;
    for (size_t i = 0; i < metadata->count; i++) {
        struct family *family = metadata->families[i];
        for (size_t k = 0; k < family->count; k++)
            entry_done(&family->entries[k]);
        free(family->name);
        free(family);
    }
    free(metadata->families);
    map_done(&metadata->map);
    pthread_mutex_destroy(&metadata->lock);
    free(metadata);
}

static struct family *family_find(struct metadata *metadata, struct str name, uint64_t hash)
{
    struct map_probe at = map_find(&metadata->map, hash);
    for (; map_hit(&metadata->map, &at); map_next(&metadata->map, &at))
        if (str_eq(str_of(metadata->families[at.index]->name), name))
            return metadata->families[at.index];
    return NULL;
}

static char *text_new(struct str text)
{
    size_t len = text.len < METADATA_TEXT_SIZE_MAX ? text.len : METADATA_TEXT_SIZE_MAX;
    char *copy = mem_new_array(char, len + 1);
    if (len > 0)
        memcpy(copy, text.ptr, len);
    return copy;
}

/* Is it the text that text_new makes of `text`. */
static bool text_is(const char *kept, struct str text)
{
    size_t len = text.len < METADATA_TEXT_SIZE_MAX ? text.len : METADATA_TEXT_SIZE_MAX;
    return len == 0 ? *kept == '\0'
                    : strnlen(text.ptr, len) == strlen(kept) &&
                          memcmp(kept, text.ptr, strlen(kept)) == 0;
}

static struct family *family_add(struct metadata *metadata, struct str name, uint64_t hash)
{
    if (metadata->count == METADATA_FAMILIES_MAX)
        return NULL;
    struct family *family = mem_new(struct family);
    family->name = text_new(name);
    mem_grow(metadata->families, struct family *, metadata->count, &metadata->cap);
    map_insert(&metadata->map, hash, (uint32_t)metadata->count);
    metadata->families[metadata->count++] = family;
    return family;
}

static void family_set(struct family *family, const struct append_metadata *about)
{
    for (size_t i = 0; i < family->count; i++) {
        const struct entry *entry = &family->entries[i];
        if (entry->type == about->type && text_is(entry->help, about->help) &&
            text_is(entry->unit, about->unit))
            return;
    }
    struct entry *entry = &family->entries[family->next];
    if (family->next < family->count)
        entry_done(entry);
    else
        family->count++;
    *entry = (struct entry){about->type, text_new(about->help), text_new(about->unit)};
    family->next = (family->next + 1) % METADATA_ENTRIES_MAX;
}

void metadata_set(struct metadata *metadata, struct str name, const struct append_metadata *about)
{
    if (name.len == 0 || name.len > METADATA_TEXT_SIZE_MAX || memchr(name.ptr, '\0', name.len))
        return;
    uint64_t hash = hash_bytes(name.ptr, name.len);
    pthread_mutex_lock(&metadata->lock);
    struct family *family = family_find(metadata, name, hash);
    if (!family)
        family = family_add(metadata, name, hash);
    if (family)
        family_set(family, about);
    pthread_mutex_unlock(&metadata->lock);
}

struct str metadata_family(struct str metric, enum append_metric type)
{
    const struct str suffixes[] = {STR("_sum"), STR("_count"), STR("_bucket")};
    bool buckets = type == APPEND_METRIC_HISTOGRAM || type == APPEND_METRIC_GAUGE_HISTOGRAM;
    size_t count = buckets ? 3 : type == APPEND_METRIC_SUMMARY ? 2 : 0;
    for (size_t i = 0; i < count; i++)
        if (str_ends(metric, suffixes[i]) && metric.len > suffixes[i].len)
            return (struct str){metric.ptr, metric.len - suffixes[i].len};
    return metric;
}

static void family_print(const struct family *family, int64_t limit, struct json *json)
{
    json_key(json, family->name);
    json_array(json);
    for (size_t i = 0; i < family->count && (limit <= 0 || i < (uint64_t)limit); i++) {
        const struct entry *entry = &family->entries[i];
        json_object(json);
        json_key(json, "type");
        json_text(json, write_metric_name(entry->type));
        json_key(json, "help");
        json_text(json, entry->help);
        json_key(json, "unit");
        json_text(json, entry->unit);
        json_object_end(json);
    }
    json_array_end(json);
}

static int family_cmp(const void *a, const void *b)
{
    return strcmp((*(const struct family *const *)a)->name,
                  (*(const struct family *const *)b)->name);
}

static void metadata_print_locked(struct metadata *metadata, const struct metadata_query *query,
                                  struct json *json)
{
    if (query->family.len > 0) {
        uint64_t hash = hash_bytes(query->family.ptr, query->family.len);
        const struct family *family = family_find(metadata, query->family, hash);
        if (family && query->limit != 0)
            family_print(family, query->limit_per_family, json);
        return;
    }
    size_t count = metadata->count;
    AUTO(free) void *copy = mem_new_array(struct family *, count ? count : 1);
    struct family **sorted = copy;
    if (count > 0)
        memcpy(sorted, metadata->families, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, family_cmp);
    for (size_t i = 0; i < count && (query->limit < 0 || i < (uint64_t)query->limit); i++)
        family_print(sorted[i], query->limit_per_family, json);
}

void metadata_print(struct metadata *metadata, const struct metadata_query *query,
                    struct json *json)
{
    json_object(json);
    pthread_mutex_lock(&metadata->lock);
    metadata_print_locked(metadata, query, json);
    pthread_mutex_unlock(&metadata->lock);
    json_object_end(json);
}
