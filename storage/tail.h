#pragma once

/* What a reader of files that still grow answers. */
enum tail_read {
    TAIL_ERR = -1, /* err is set; ERR_CORRUPT: what follows is dropped */
    TAIL_END = 0,  /* nothing more is written yet: ask again later */
    TAIL_ITEM = 1,
    TAIL_LOST = 2, /* the files were replaced under the reader: begin anew */
};
