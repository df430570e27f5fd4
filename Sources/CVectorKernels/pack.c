#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

// Float32 to formats of weights. A product and a sum fused into one would be rounded once instead of twice, and bytes would
// depend on the machine.
#pragma STDC FP_CONTRACT OFF

MULTIVERSION void avk_to_bfloat16(const float *in, void *out, size_t n) {
    uint8_t *bytes = out;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of_float(in[i]);
        uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16;
        uint32_t quiet = bits >> 16 | 64;
        uint16_t half = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
        memcpy(bytes + 2 * i, &half, 2);
    }
}

MULTIVERSION void avk_to_float16(const float *in, void *out, size_t n) {
    uint8_t *bytes = out;
    for (size_t i = 0; i < n; i++) {
        uint16_t half = half_of_float(in[i]);
        memcpy(bytes + 2 * i, &half, 2);
    }
}

// The largest magnitude is 127.
MULTIVERSION void avk_to_q8_0(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    for (size_t b = 0; b < blocks; b++, block += 34, in += 32) {
        float largest = 0;
        for (size_t i = 0; i < 32; i++) {
            float magnitude = float_of_bits(bits_of_float(in[i]) & 0x7FFFFFFFu);
            largest = magnitude > largest ? magnitude : largest;
        }
        float scale = largest / 127, inverse = scale != 0 ? 1 / scale : 0;
        uint16_t half = half_of_float(scale);
        memcpy(block, &half, 2);
        for (size_t i = 0; i < 32; i++) block[2 + i] = (uint8_t)whole_away_from_zero(in[i] * inverse);
    }
}
