#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

// NF4, the 4-bit type of QLoRA (Dettmers et al. 2023), and LLM.int8's bytes, as bitsandbytes packs and unpacks them. Every sum
// and product is rounded by itself, as there.
#pragma STDC FP_CONTRACT OFF

// Quantiles of the normal distribution, the same probability between any two.
static const float levels[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

const float *avk_nf4_levels(void) { return levels; }

// The first weight of a byte is its high half.
INLINE uint32_t code_at(const uint8_t *codes, size_t place) { return (uint32_t)(codes[place / 2] >> (place & 1 ? 0 : 4)) & 15; }

MULTIVERSION void avk_from_nf4(const void *codes, size_t first, const float *scales, size_t block, float *out, size_t n) {
    const uint8_t *bytes = codes;
    size_t place = first, end = first + n;
    while (place < end) {
        size_t last = (place / block + 1) * block;
        size_t count = (last < end ? last : end) - place;
        float scale = scales[place / block - first / block];
        for (size_t i = 0; i < count; i++) out[i] = levels[code_at(bytes, place + i)] * scale;
        out += count;
        place += count;
    }
}

MULTIVERSION void avk_nf4_scales(const uint8_t *codes, const float *map, const void *scales, size_t first, size_t block,
                                 float offset, float *out, size_t n) {
    const uint8_t *bytes = scales;
    for (size_t i = 0; i < n; i++) {
        float scale;
        memcpy(&scale, bytes + 4 * ((first + i) / block), 4);
        float product = map[codes[first + i]] * scale;
        out[i] = product + offset;
    }
}

MULTIVERSION void avk_round_to_bfloat16(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of_float(x[i]);
        uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1)) & 0xFFFF0000u;
        x[i] = float_of_bits((bits & 0x7FFFFFFFu) > 0x7F800000u ? bits : rounded);
    }
}

MULTIVERSION void avk_round_to_float16(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = float_of_half(half_of_float(x[i]));
}

// As many levels as midpoints are below: the nearest one, of two as near the lower.
INLINE uint32_t nearest_code(float value) {
    uint32_t code = 0;
    for (size_t i = 0; i < 15; i++) code += value > (levels[i] + levels[i + 1]) / 2;
    return code;
}

INLINE float at_most_one(float value) {
    value = value > -1 ? value : -1;
    return value < 1 ? value : 1;
}

MULTIVERSION void avk_from_int8(const void *in, float scale, float *out, size_t n) {
    const int8_t *values = in;
    for (size_t i = 0; i < n; i++) out[i] = (float)values[i] * scale * 7.874015718698502e-3f;
}

MULTIVERSION void avk_to_nf4(const float *in, size_t n, size_t block, void *codes, float *scales) {
    uint8_t *bytes = codes;
    memset(bytes, 0, (n + 1) / 2);
    for (size_t start = 0; start < n; start += block) {
        size_t count = n - start < block ? n - start : block;
        float largest = 0;
        for (size_t i = 0; i < count; i++) {
            float magnitude = in[start + i] < 0 ? -in[start + i] : in[start + i];
            largest = magnitude > largest ? magnitude : largest;
        }
        // bitsandbytes divides in a short block, and keeps its scale from 0.
        float divisor = largest > 1e-38f ? largest : 1e-38f, inverse = 1 / divisor;
        scales[start / block] = count < block ? divisor : largest;
        for (size_t i = 0; i < count; i++) {
            float value = in[start + i], scaled = at_most_one(count < block ? value / divisor : value * inverse);
            size_t place = start + i;
            bytes[place / 2] |= (uint8_t)(nearest_code(scaled) << (place & 1 ? 0 : 4));
        }
    }
    // Beside an odd last weight stands a 0.
    if (n & 1) bytes[n / 2] |= 7;
}
