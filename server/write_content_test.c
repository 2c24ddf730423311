#include "server/write_content.h"

#include "base/test.h"

static const struct {
    const char *type, *encoding;
    enum write_version version;
} taken[] = {
    {NULL, NULL, WRITE_VERSION_1},
    {"", "", WRITE_VERSION_1},
    {"application/x-protobuf", "snappy", WRITE_VERSION_1},
    {" application/x-protobuf;charset=utf-8", "Snappy", WRITE_VERSION_1},
    {"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", WRITE_VERSION_1},
    {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", WRITE_VERSION_2},
    {"application/x-protobuf; a=b; proto=io.prometheus.write.v2.Request ", NULL, WRITE_VERSION_2},
};

START_TEST(takes_what_clients_send)
{
    for (size_t i = 0; i < ARRAY_COUNT(taken); i++) {
        struct err err = {0};
        enum write_version version;
        ck_assert(write_content_read(taken[i].type, taken[i].encoding, &version, &err));
        ck_assert_int_eq(version, taken[i].version);
    }
}
END_TEST

static const struct {
    const char *type, *encoding, *why;
} refused[] = {
    {"text/plain", NULL,
     "expected application/x-protobuf as the first (media) part, got text/plain content-type"},
    {"application/x-protobuf;proto", NULL,
     "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be "
     "key-values, got proto in application/x-protobuf;proto content-type"},
    {"application/x-protobuf;a=b=c", NULL,
     "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be "
     "key-values, got a=b=c in application/x-protobuf;a=b=c content-type"},
    {"application/x-protobuf;proto=x.Y", NULL,
     "got application/x-protobuf;proto=x.Y content type; unknown type for remote write protobuf "
     "message x.Y, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request"},
    {"application/x-protobuf", "gzip",
     "gzip encoding (compression) is not accepted by this server; only snappy is acceptable"},
};

START_TEST(refuses_the_rest_and_says_why)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        struct err err = {0};
        enum write_version version;
        ck_assert(!write_content_read(refused[i].type, refused[i].encoding, &version, &err));
        ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
        ck_assert_str_eq(err.msg, refused[i].why);
    }
}
END_TEST

TEST_MAIN("write_content", takes_what_clients_send, refuses_the_rest_and_says_why)
