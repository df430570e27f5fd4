#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

// Float32 to ggml's blocks of 32 weights, as its quantize_row_..._ref functions round (ggml-quants.c). Every sum and product is
// rounded by itself, so that bytes depend on no machine.
#pragma STDC FP_CONTRACT OFF

INLINE void put_half(uint8_t *bytes, float value) {
    uint16_t half = half_of_float(value);
    memcpy(bytes, &half, 2);
}

// Towards zero, at most `most`; 0 for what is no number or beyond a byte, as x86 converts it.
INLINE uint32_t level(float value, uint32_t most) {
    uint32_t whole = value > 0 && value < 128 ? (uint32_t)value : 0;
    return whole < most ? whole : most;
}

// The first of those with the largest magnitude, divided by `divisor`.
INLINE float signed_scale(const float *in, float divisor) {
    float largest = 0, extreme = 0;
    for (size_t i = 0; i < 32; i++) {
        float magnitude = in[i] < 0 ? -in[i] : in[i];
        extreme = magnitude > largest ? in[i] : extreme;
        largest = magnitude > largest ? magnitude : largest;
    }
    return extreme / divisor;
}

// Levels 0 ... 2 * zero - 1 of weight = scale * (level - zero).
INLINE float levels_around(const float *in, uint32_t zero, uint32_t *levels) {
    float scale = signed_scale(in, -(float)zero), inverse = scale != 0 ? 1 / scale : 0;
    for (size_t i = 0; i < 32; i++) levels[i] = level(in[i] * inverse + ((float)zero + 0.5f), 2 * zero - 1);
    return scale;
}

// Levels 0 ... most of weight = scale * level + least.
INLINE float levels_above(const float *in, uint32_t most, float *least, uint32_t *levels) {
    float bottom = in[0], top = in[0];
    for (size_t i = 1; i < 32; i++) {
        bottom = in[i] < bottom ? in[i] : bottom;
        top = in[i] > top ? in[i] : top;
    }
    float scale = (top - bottom) / (float)most, inverse = scale != 0 ? 1 / scale : 0;
    for (size_t i = 0; i < 32; i++) levels[i] = level((in[i] - bottom) * inverse + 0.5f, most);
    *least = bottom;
    return scale;
}

// The lower four bits: 16 bytes.
INLINE void put_nibbles(uint8_t *bytes, const uint32_t *levels) {
    for (size_t i = 0; i < 16; i++) bytes[i] = (uint8_t)((levels[i] & 15) | (levels[16 + i] & 15) << 4);
}

// The fifth bits: 4 bytes.
INLINE void put_fifths(uint8_t *bytes, const uint32_t *levels) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < 32; i++) bits |= (levels[i] >> 4 & 1) << i;
    memcpy(bytes, &bits, 4);
}

MULTIVERSION void avk_to_q4_0(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    uint32_t levels[32];
    for (size_t b = 0; b < blocks; b++, block += 18, in += 32) {
        put_half(block, levels_around(in, 8, levels));
        put_nibbles(block + 2, levels);
    }
}

MULTIVERSION void avk_to_q4_1(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    uint32_t levels[32];
    float least;
    for (size_t b = 0; b < blocks; b++, block += 20, in += 32) {
        put_half(block, levels_above(in, 15, &least, levels));
        put_half(block + 2, least);
        put_nibbles(block + 4, levels);
    }
}

MULTIVERSION void avk_to_q5_0(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    uint32_t levels[32];
    for (size_t b = 0; b < blocks; b++, block += 22, in += 32) {
        put_half(block, levels_around(in, 16, levels));
        put_fifths(block + 2, levels);
        put_nibbles(block + 6, levels);
    }
}

MULTIVERSION void avk_to_q5_1(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    uint32_t levels[32];
    float least;
    for (size_t b = 0; b < blocks; b++, block += 24, in += 32) {
        put_half(block, levels_above(in, 31, &least, levels));
        put_half(block + 2, least);
        put_fifths(block + 4, levels);
        put_nibbles(block + 8, levels);
    }
}
