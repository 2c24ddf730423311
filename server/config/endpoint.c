/* remote_read: where else samples are. */
#include <string.h>
#include <strings.h>

#include "server/config/config.h"

#define TIMEOUT_DEFAULT_MS 60000
#define FRAME_SIZE_DEFAULT 50000000

/* An endpoint while it is read. */
struct endpoint_draft {
    struct config_endpoint endpoint;
    const char *bearer_token;
    const char *bearer_token_file;
    bool proxy_from_environment;
    bool basic;
};

#define IN_ENDPOINT(member) offsetof(struct endpoint_draft, endpoint.member)

static bool read_basic(struct config_reader *reader, const struct yaml_node *value, void *into,
                       struct err *err)
{
    static const struct config_field fields[] = {
        {"username", config_read_text, IN_ENDPOINT(access.user)},
        {"username_file", config_read_path, IN_ENDPOINT(user_file)},
        {"password", config_read_text, IN_ENDPOINT(access.password)},
        {"password_file", config_read_path, IN_ENDPOINT(password_file)},
    };
    struct endpoint_draft *draft = into;
    draft->basic = true;
    if (!config_read_map(reader, value, CONFIG_SECTION("basic_auth", fields), draft, err))
        return false;
    const struct config_endpoint *endpoint = &draft->endpoint;
    if (endpoint->access.user && endpoint->user_file)
        return config_fail(reader, value, err, "username and username_file exclude each other");
    if (endpoint->access.password && endpoint->password_file)
        return config_fail(reader, value, err, "password and password_file exclude each other");
    return true;
}

static bool read_authorization(struct config_reader *reader, const struct yaml_node *value,
                               void *into, struct err *err)
{
    static const struct config_field fields[] = {
        {"type", config_read_text, IN_ENDPOINT(credentials_type)},
        {"credentials", config_read_text, IN_ENDPOINT(credentials)},
        {"credentials_file", config_read_path, IN_ENDPOINT(credentials_file)},
    };
    struct endpoint_draft *draft = into;
    struct config_endpoint *endpoint = &draft->endpoint;
    if (!config_read_map(reader, value, CONFIG_SECTION("authorization", fields), draft, err))
        return false;
    if (!endpoint->credentials_type || !*endpoint->credentials_type)
        endpoint->credentials_type = "Bearer";
    if (strcasecmp(endpoint->credentials_type, "basic") == 0)
        return config_fail(reader, value, err, "for basic authentication there is basic_auth");
    if (endpoint->credentials && endpoint->credentials_file)
        return config_fail(reader, value, err,
                           "credentials and credentials_file exclude each other");
    return true;
}

static bool read_tls(struct config_reader *reader, const struct yaml_node *value, void *into,
                     struct err *err)
{
    static const struct config_field fields[] = {
        {"ca_file", config_read_path, IN_ENDPOINT(access.ca_file)},
        {"cert_file", config_read_path, IN_ENDPOINT(access.cert_file)},
        {"key_file", config_read_path, IN_ENDPOINT(access.key_file)},
        {"server_name", config_read_text, IN_ENDPOINT(access.server_name)},
        {"insecure_skip_verify", config_read_switch, IN_ENDPOINT(access.insecure_skip_verify)},
    };
    struct endpoint_draft *draft = into;
    if (!config_read_map(reader, value, CONFIG_SECTION("tls_config", fields), draft, err))
        return false;
    const struct client_access *access = &draft->endpoint.access;
    if (!access->cert_file != !access->key_file)
        return config_fail(reader, value, err, "cert_file and key_file go together");
    return true;
}

static bool read_url(struct config_reader *reader, const struct yaml_node *value, void *into,
                     struct err *err)
{
    if (!config_read_text(reader, value, into, err))
        return false;
    if (strncmp(value->text.ptr, "http://", 7) == 0 || strncmp(value->text.ptr, "https://", 8) == 0)
        return true;
    return config_fail(reader, value, err, "\"%s\" is no URL of http or https", value->text.ptr);
}

/* Headers that follow from the request itself, which nobody else may set. */
static bool read_headers(struct config_reader *reader, const struct yaml_node *value, void *into,
                         struct err *err)
{
    static const char *const reserved[] = {
        "authorization",
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
        "x-prometheus-remote-read-version",
        "x-prometheus-remote-write-version",
    };
    const struct config_pairs *headers = into;
    if (!config_read_pairs(reader, value, into, err))
        return false;
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = headers->items[i].name;
        if (!*name || strpbrk(name, ":\r\n \t") || strpbrk(headers->items[i].value, "\r\n"))
            return config_fail(reader, value, err, "\"%s\" is no header", name);
        for (size_t j = 0; j < ARRAY_COUNT(reserved); j++)
            if (strcasecmp(name, reserved[j]) == 0)
                return config_fail(reader, value, err, "%s is a reserved header", name);
    }
    return true;
}

static const struct config_field endpoint_fields[] = {
    {"url", read_url, IN_ENDPOINT(url)},
    {"name", config_read_text, IN_ENDPOINT(name)},
    {"remote_timeout", config_read_duration, IN_ENDPOINT(timeout_ms)},
    {"chunked_read_limit", config_read_count, IN_ENDPOINT(frame_size_max)},
    {"headers", read_headers, IN_ENDPOINT(headers)},
    {"read_recent", config_read_switch, IN_ENDPOINT(read_recent)},
    {"required_matchers", config_read_pairs, IN_ENDPOINT(required_matchers)},
    {"filter_external_labels", config_read_switch, IN_ENDPOINT(filter_external_labels)},
    {"partial", config_read_switch, IN_ENDPOINT(partial)},
    {"basic_auth", read_basic, 0},
    {"authorization", read_authorization, 0},
    {"bearer_token", config_read_text, offsetof(struct endpoint_draft, bearer_token)},
    {"bearer_token_file", config_read_path, offsetof(struct endpoint_draft, bearer_token_file)},
    {"tls_config", read_tls, 0},
    {"follow_redirects", config_read_switch, IN_ENDPOINT(access.follow_redirects)},
    {"proxy_url", config_read_text, IN_ENDPOINT(access.proxy)},
    {"proxy_from_environment", config_read_switch,
     offsetof(struct endpoint_draft, proxy_from_environment)},
    {"enable_http2", NULL, 0},
};

static bool endpoint_read(struct config_reader *reader, const struct yaml_node *value,
                          struct config_endpoint *endpoint, struct err *err)
{
    struct endpoint_draft draft = {0};
    draft.endpoint.timeout_ms = TIMEOUT_DEFAULT_MS;
    draft.endpoint.frame_size_max = FRAME_SIZE_DEFAULT;
    draft.endpoint.filter_external_labels = true;
    draft.endpoint.access.follow_redirects = true;
    if (!config_read_map(reader, value, CONFIG_SECTION("remote_read", endpoint_fields), &draft,
                         err))
        return false;
    *endpoint = draft.endpoint;
    if (!endpoint->url)
        return config_fail(reader, value, err, "remote_read needs a url");
    bool bearer = draft.bearer_token || draft.bearer_token_file;
    if (draft.basic + bearer + (endpoint->credentials_type != NULL) > 1 ||
        (draft.bearer_token && draft.bearer_token_file))
        return config_fail(reader, value, err,
                           "basic_auth, authorization, bearer_token and bearer_token_file exclude "
                           "each other");
    if (bearer) {
        endpoint->credentials_type = "Bearer";
        endpoint->credentials = draft.bearer_token;
        endpoint->credentials_file = draft.bearer_token_file;
    }
    if (!endpoint->access.proxy && !draft.proxy_from_environment)
        endpoint->access.proxy = "";
    return true;
}

bool config_read_endpoints(struct config_reader *reader, const struct yaml_node *value, void *into,
                           struct err *err)
{
    struct config *config = into;
    if (value->kind != YAML_LIST)
        return config_fail(reader, value, err, "remote_read: a list is wanted here");
    if (value->count > CONFIG_ENDPOINTS_MAX)
        return config_fail(reader, value, err, "remote_read: there are more than %d endpoints",
                           CONFIG_ENDPOINTS_MAX);
    config->endpoints = arena_array(reader->arena, struct config_endpoint, value->count);
    config->endpoint_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        struct config_endpoint *endpoint = &config->endpoints[i];
        if (!endpoint_read(reader, value->items[i], endpoint, err))
            return false;
        for (size_t j = 0; j < i && endpoint->name && *endpoint->name; j++)
            if (config->endpoints[j].name && strcmp(config->endpoints[j].name, endpoint->name) == 0)
                return config_fail(reader, value->items[i], err,
                                   "two endpoints of remote_read are called \"%s\"",
                                   endpoint->name);
    }
    return true;
}
