#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

// Formats of weights to Float32.

INLINE void from_bfloat16(const uint8_t *bytes, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        out[i] = float_of_bits((uint32_t)half << 16);
    }
}

// A line of the cache at a time, which is asked for some lines ahead: weights come from memory, and pages end what the hardware
// sees coming.
MULTIVERSION void avk_from_bfloat16(const void *in, float *out, size_t n) {
    enum { LINE = 32, AHEAD = 2048 };
    const uint8_t *bytes = in;
    size_t i = 0;
    for (; i + LINE <= n; i += LINE) {
        __builtin_prefetch(bytes + 2 * i + AHEAD);
        from_bfloat16(bytes + 2 * i, out + i, LINE);
    }
    from_bfloat16(bytes + 2 * i, out + i, n - i);
}

MULTIVERSION void avk_from_float16(const void *in, float *out, size_t n) {
    const uint8_t *bytes = in;
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        out[i] = float_of_half(half);
    }
}

MULTIVERSION void avk_from_q8_0(const void *in, float *out, size_t blocks) {
    const uint8_t *bytes = in;
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = bytes + 34 * b;
        uint16_t half;
        memcpy(&half, block, 2);
        float scale = float_of_half(half);
        for (size_t i = 0; i < 32; i++) out[32 * b + i] = scale * (float)(int8_t)block[2 + i];
    }
}
