#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

#if AVK_X86
#include <immintrin.h>
#endif

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

// Weights of whole bytes that share a scale, from number `first` to n.
INLINE void rest_of_block(const uint8_t *bytes, float scale, float *out, size_t first, size_t n) {
    for (size_t i = first; i < n; i++) out[i] = levels[code_at(bytes, i)] * scale;
}

INLINE void block_1(const uint8_t *bytes, float scale, float *out, size_t n) { rest_of_block(bytes, scale, out, 0, n); }

#if AVK_X86
#define LEVEL_3 __attribute__((target("arch=x86-64-v3")))
#define LEVEL_4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))

// 16 codes in the order of their weights, a byte each.
LEVEL_3 static inline __m128i codes_of(const uint8_t *bytes) {
    __m128i pairs = _mm_loadl_epi64((const __m128i *)bytes), nibble = _mm_set1_epi8(15);
    return _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(pairs, 4), nibble), _mm_and_si128(pairs, nibble));
}

LEVEL_4 static inline void block_4(const uint8_t *bytes, float scale, float *out, size_t n) {
    __m512 table = _mm512_loadu_ps(levels), factor = _mm512_set1_ps(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m512 level = _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(codes_of(bytes + i / 2)), table);
        _mm512_storeu_ps(out + i, _mm512_mul_ps(level, factor));
    }
    rest_of_block(bytes, scale, out, i, n);
}

// Permutations read the lower three bits of a code, and its fourth, shifted to the sign, chooses between their results.
LEVEL_3 static inline __m256 levels_of(__m256i codes) {
    __m256 below = _mm256_permutevar8x32_ps(_mm256_loadu_ps(levels), codes);
    __m256 above = _mm256_permutevar8x32_ps(_mm256_loadu_ps(levels + 8), codes);
    return _mm256_blendv_ps(below, above, _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28)));
}

LEVEL_3 static inline void block_3(const uint8_t *bytes, float scale, float *out, size_t n) {
    __m256 factor = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i codes = codes_of(bytes + i / 2);
        __m256 first = levels_of(_mm256_cvtepu8_epi32(codes));
        __m256 second = levels_of(_mm256_cvtepu8_epi32(_mm_srli_si128(codes, 8)));
        _mm256_storeu_ps(out + i, _mm256_mul_ps(first, factor));
        _mm256_storeu_ps(out + i + 8, _mm256_mul_ps(second, factor));
    }
    rest_of_block(bytes, scale, out, i, n);
}
#endif

// Blocks have an even number of weights: only the first of all may begin within a byte.
#define FROM_NF4(NAME, BLOCK)                                                                                \
    static void NAME(const uint8_t *bytes, size_t first, const float *scales, size_t block, float *out, size_t n) { \
        size_t place = first, end = first + n;                                                               \
        if (place & 1 && place < end) {                                                                      \
            *out++ = levels[code_at(bytes, place)] * *scales;                                                \
            place++;                                                                                         \
        }                                                                                                    \
        while (place < end) {                                                                                \
            size_t own = place / block;                                                                      \
            size_t last = (own + 1) * block;                                                                 \
            size_t count = (last < end ? last : end) - place;                                                \
            BLOCK(bytes + place / 2, scales[own - first / block], out, count);                               \
            out += count;                                                                                    \
            place += count;                                                                                  \
        }                                                                                                    \
    }

FROM_NF4(from_nf4_1, block_1)
#if AVK_X86
LEVEL_3 FROM_NF4(from_nf4_3, block_3)
LEVEL_4 FROM_NF4(from_nf4_4, block_4)
#endif

void avk_from_nf4(const void *codes, size_t first, const float *scales, size_t block, float *out, size_t n) {
#if AVK_X86
    switch (avk_kernel_level()) {
    case 4: return from_nf4_4(codes, first, scales, block, out, n);
    case 3: return from_nf4_3(codes, first, scales, block, out, n);
    default: break;
    }
#endif
    from_nf4_1(codes, first, scales, block, out, n);
}

// One run after the other of those that share a scale, which vectors take from the map together.
MULTIVERSION void avk_nf4_scales(const uint8_t *codes, const float *map, const void *scales, size_t first, size_t block,
                                 float offset, float *out, size_t n) {
    const uint8_t *bytes = scales;
    for (size_t place = first, end = first + n; place < end;) {
        size_t last = (place / block + 1) * block;
        size_t count = (last < end ? last : end) - place;
        float scale;
        memcpy(&scale, bytes + 4 * (place / block), 4);
        for (size_t i = 0; i < count; i++) {
            float product = map[codes[place + i]] * scale;
            out[i] = product + offset;
        }
        out += count;
        place += count;
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
