#include "server/label_object.h"

#include <jansson.h>

bool label_object_check(struct str json, struct err *err)
{
    json_error_t fault;
    json_t *labels = json_loadb(json.ptr, json.len, 0, &fault);
    bool good = json_is_object(labels);
    for (void *at = json_object_iter(labels); at; at = json_object_iter_next(labels, at))
        good = good && json_is_string(json_object_iter_value(at));
    json_decref(labels);
    return good || err_set(err, ERR_BAD_DATA, "error parsing labels: %s",
                           fault.text[0] ? fault.text : "not an object of texts");
}
