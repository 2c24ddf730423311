/* Any bytes as a configuration file. */
#include <stdint.h>

#include "server/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const char *message)
{
    *(size_t *)context += *message != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    size_t warning_count = 0;
    struct config_source source = {"m.yml", count, &warning_count};
    struct config config;
    if (config_read(&source, (struct str){(const char *)data, size}, &config, &err))
        config_done(&config);
    else if (err.kind != ERR_BAD_DATA && err.kind != ERR_LIMIT)
        __builtin_trap();
    return 0;
}
