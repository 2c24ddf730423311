/* Any bytes as the file about backends, --backend.config-file. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "query-tee/backend_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct backends backends = {
        .items = {{.host = "a", .host_port = "a:80", .preferred = true, .proportion = 1},
                  {.host = "b", .host_port = "b:80", .proportion = 1}},
        .count = 2,
    };
    struct err err;
    if (backend_config_parse((struct str){(const char *)data, size}, arena, &backends, &err))
        for (size_t i = 0; i < backends.count; i++)
            assert(backends.items[i].proportion >= 0 && backends.items[i].proportion <= 1);
    return 0;
}
