#pragma once

/* What stands in the `data` of an answer, as the route says it. */
enum answer_kind {
    ANSWER_QUERY,     /* query, query_range: an object with resultType and result */
    ANSWER_STRINGS,   /* labels, label/<name>/values: a list of texts */
    ANSWER_SERIES,    /* series: a list of label sets */
    ANSWER_METADATA,  /* metadata: an object of lists of {type, help, unit} */
    ANSWER_EXEMPLARS, /* query_exemplars: a list of {seriesLabels, exemplars} */
};
