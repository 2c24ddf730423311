/*
 * SSE4.2's and ARMv8's instruction, 8 bytes a step, where the CPU has it; else a table of 256 words
 * made on first use.
 */
#include "base/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <nmmintrin.h>
#endif

static uint32_t crc32c_table[256];
static pthread_once_t crc32c_once = PTHREAD_ONCE_INIT;

static void crc32c_fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
        crc32c_table[i] = crc;
    }
}

static uint32_t crc32c_by_table(uint32_t crc, const uint8_t *at, size_t len)
{
    pthread_once(&crc32c_once, crc32c_fill_table);
    for (; len; len--)
        crc = (crc >> 8) ^ crc32c_table[(uint8_t)crc ^ *at++];
    return crc;
}

#if defined(__x86_64__)
static bool crc32c_has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(uint32_t crc,
                                                                        const uint8_t *at,
                                                                        size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; len -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len; len--)
        crc = _mm_crc32_u8(crc, *at++);
    return crc;
}
#elif defined(__aarch64__)
/* clang 14's <arm_acle.h> has them only where the whole file is built for such CPUs. */
#if defined(__clang__)
#define CRC32C_TARGET __attribute__((target("crc")))
#define CRC32C_WORD __builtin_arm_crc32cd
#define CRC32C_BYTE __builtin_arm_crc32cb
#else
#define CRC32C_TARGET __attribute__((target("+crc")))
#define CRC32C_WORD __builtin_aarch64_crc32cx
#define CRC32C_BYTE __builtin_aarch64_crc32cb
#endif

static bool crc32c_has_instruction(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

CRC32C_TARGET static uint32_t crc32c_by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    for (; len >= 8; len -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        crc = CRC32C_WORD(crc, word);
    }
    for (; len; len--)
        crc = CRC32C_BYTE(crc, *at++);
    return crc;
}
#else
static bool crc32c_has_instruction(void)
{
    return false;
}

static uint32_t crc32c_by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    return crc32c_by_table(crc, at, len);
}
#endif

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t len)
{
    crc = ~crc;
    crc = crc32c_has_instruction() ? crc32c_by_instruction(crc, bytes, len)
                                   : crc32c_by_table(crc, bytes, len);
    return ~crc;
}

uint32_t crc32c(const void *bytes, size_t len)
{
    return crc32c_extend(0, bytes, len);
}
