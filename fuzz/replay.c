/*
 * Runs a fuzz target over its corpus, so that every build replays it: over the files named, and all
 * files of the directories named.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path)
{
    AUTO(buf_done) struct buf data = {0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (size_t len = 1; len > 0; data.len += len)
        len = fread(buf_reserve(&data, 65536), 1, 65536, file);
    fclose(file);

    /* In a block of its own size: a sanitizer then sees the first byte read beyond. */
    uint8_t *exact = malloc(data.len ? data.len : 1);
    if (!exact)
        abort();
    memcpy(exact, data.ptr, data.len);
    LLVMFuzzerTestOneInput(exact, data.len);
    free(exact);
}

/* The number of files. */
static size_t replay(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        replay_file(path);
        return 1;
    }
    size_t count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        AUTO(buf_done) struct buf inside = {0};
        buf_printf(&inside, "%s/%s", path, entry->d_name);
        count += replay(buf_terminated(&inside));
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%zu inputs\n", count);
    return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
