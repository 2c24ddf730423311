#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The shortest decimal that reads back as the same double, and of several as short the one nearest
 * to it: digits x 10^exponent. The digits may end in zeros. About 10 ns.
 */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* `v` is finite and greater than zero. */
struct decimal decimal_shortest(double v);

#ifdef __cplusplus
}
#endif
