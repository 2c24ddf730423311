#pragma once

/* The whole of our GNU C, in one place: gcc >= 12 and clang >= 14. */

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define AUTO(fn) __attribute__((cleanup(fn##_auto)))
#define HOT_INLINE static inline __attribute__((always_inline))
#define NO_INLINE __attribute__((noinline)) /* keeps what is rare out of a loop */
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/*
 * A kernel built for the base CPU and once more for newer ones; the loader picks. Sanitizer builds
 * leave it out: their runtimes are not up yet when the loader asks.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define KERNEL_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
/* The same for code that shifts much: newer CPUs do it in fewer instructions. */
#define SHIFT_CLONES __attribute__((target_clones("default", "arch=x86-64-v3")))
/* For code that shifts much beside loops over arrays; wider vectors alone cost the first kind 2 %.
 */
#define SHIFT_KERNEL_CLONES \
    __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
/* Calls of fma become instructions where there are such; the results are the same. */
#define FMA_CLONES __attribute__((target_clones("default", "fma")))
#else
#define KERNEL_CLONES
#define SHIFT_CLONES
#define SHIFT_KERNEL_CLONES
#define FMA_CLONES
#endif

/* Before a short loop that should become vectors, and not be unrolled to single steps first. */
#if defined(__clang__)
#define KEEP_LOOP
#else
#define KEEP_LOOP _Pragma("GCC unroll 1")
#endif

/* Lets `AUTO(fn) type v` call fn(v) when v leaves scope. */
#define DEFINE_AUTO(type, fn) \
    static inline void fn##_auto(type *v) \
    { \
        fn(*v); \
    }

/* Hands the pointer over and leaves NULL behind. */
#define TAKE(ptr) \
    __extension__({ \
        __typeof__(ptr) taken_ = (ptr); \
        (ptr) = NULL; \
        taken_; \
    })

/* The object of type T whose member `field` is *ptr. */
#define CONTAINER(T, field, ptr) ((T *)(void *)((char *)(ptr)-offsetof(T, field)))
#define CONTAINER_CONST(T, field, ptr) \
    ((const T *)(const void *)((const char *)(ptr)-offsetof(T, field)))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
