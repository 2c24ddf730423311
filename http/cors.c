#include "http/cors.h"

#include "base/regex.h"

bool cors_init(struct cors *cors, struct str pattern, struct err *err)
{
    *cors = (struct cors){0};
    return regex_create(pattern, &cors->origin, err);
}

void cors_done(struct cors *cors)
{
    regex_destroy(cors->origin);
    *cors = (struct cors){0};
}

void cors_answer_origin(const struct cors *cors, const char *origin, struct answer *answer)
{
    answer_header(answer, "Vary", "Origin");
    if (!origin || !*origin)
        return;
    answer_header(answer, "Access-Control-Allow-Headers",
                  "Accept, Authorization, Content-Type, Origin");
    answer_header(answer, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    answer_header(answer, "Access-Control-Expose-Headers", "Date");
    if (regex_matches(cors->origin, str_of(origin)))
        answer_header(answer, "Access-Control-Allow-Origin", origin);
}

void cors_answer(const struct cors *cors, const struct request *request, struct answer *answer)
{
    cors_answer_origin(cors, request_header(request, "Origin"), answer);
}
