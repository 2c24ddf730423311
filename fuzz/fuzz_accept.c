/* Accept headers: any is answered in a format that the same header, given back, asks for again. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "server/text_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf accept = {0};
    buf_append(&accept, data, size);
    struct text_format format = text_format_negotiate(buf_terminated(&accept));
    struct text_format again = text_format_negotiate(text_format_name(format));
    if (again.escaping != format.escaping || again.protobuf != format.protobuf)
        abort();
    return 0;
}
