#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

// Float32 to ggml's blocks of 256 weights in groups with scales of their own, as its quantize_row_..._K_ref functions choose
// levels and scales (make_qkx2_quants and make_qx_quants in ggml-quants.c). Each group's sums run over its weights in their
// order, and every sum and product is rounded by itself: bytes are ggml's, on every machine. The groups of a block are worked on
// side by side, [weight][group], so that vectors take a weight of each.
#pragma STDC FP_CONTRACT OFF

INLINE float magnitude_of(float value) { return value < 0 ? -value : value; }

// To the nearest whole number between `least` and `most`, halves to even, by the constant that leaves no place for a fraction;
// NaN to `least`.
INLINE float nearest(float value, float least, float most) {
    float whole = (value + 12582912.0f) - 12582912.0f;
    whole = whole > least ? whole : least;
    return whole < most ? whole : most;
}

// MARK: weight = scale * level - least

enum { GROUPS = 8, WEIGHTS = 32 };
typedef float GroupValues[GROUPS];

typedef struct {
    GroupValues x[WEIGHTS], importance[WEIGHTS], levels[WEIGHTS];
    GroupValues scale, least;
} Groups;

// The weights by group, and how much the error of each counts: its magnitude and the group's root mean square.
INLINE void take_groups(const float *in, Groups *g) {
    GroupValues squares = {0};
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) {
            g->x[i][k] = in[WEIGHTS * k + i];
            squares[k] += g->x[i][k] * g->x[i][k];
        }
    for (size_t k = 0; k < GROUPS; k++) squares[k] = __builtin_sqrtf(squares[k] / WEIGHTS);
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) g->importance[i][k] = squares[k] + magnitude_of(g->x[i][k]);
}

// Levels at a step of 1 / inverse from `bottom` on, and the sums that the best line through them needs.
INLINE void try_levels(const Groups *g, const float *inverse, const float *bottom, float most, GroupValues *levels,
                       float *sum, float *sumSquares, float *sumProducts) {
    for (size_t k = 0; k < GROUPS; k++) sum[k] = sumSquares[k] = sumProducts[k] = 0;
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) {
            float x = g->x[i][k], level = nearest(inverse[k] * (x - bottom[k]), 0, most);
            float weighted = g->importance[i][k] * level;
            levels[i][k] = level;
            sum[k] += weighted;
            sumSquares[k] += weighted * level;
            sumProducts[k] += weighted * x;
        }
}

// The weighted squares of what scale * level + bottom errs by.
INLINE void error_of(const Groups *g, const float *scale, const float *bottom, GroupValues *levels, float *error) {
    for (size_t k = 0; k < GROUPS; k++) error[k] = 0;
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) {
            float off = scale[k] * levels[i][k] + bottom[k] - g->x[i][k];
            error[k] += g->importance[i][k] * (off * off);
        }
}

// The least-squares line of the levels, which is taken where it is better than what was found before.
INLINE void improve(Groups *g, GroupValues *levels, const float *total, const float *weighted, const float *sum,
                    const float *sumSquares, const float *sumProducts, float *bottom, float *best) {
    GroupValues scale, low, error;
    int32_t better[GROUPS], any = 0;
    for (size_t k = 0; k < GROUPS; k++) {
        float determinant = total[k] * sumSquares[k] - sum[k] * sum[k];
        scale[k] = (total[k] * sumProducts[k] - weighted[k] * sum[k]) / determinant;
        low[k] = (sumSquares[k] * weighted[k] - sum[k] * sumProducts[k]) / determinant;
        if (low[k] > 0) {
            low[k] = 0;
            scale[k] = sumProducts[k] / sumSquares[k];
        }
        better[k] = determinant > 0;
    }
    error_of(g, scale, low, levels, error);
    for (size_t k = 0; k < GROUPS; k++) {
        better[k] = better[k] && error[k] < best[k];
        any |= better[k];
        best[k] = better[k] ? error[k] : best[k];
        g->scale[k] = better[k] ? scale[k] : g->scale[k];
        bottom[k] = better[k] ? low[k] : bottom[k];
    }
    if (!any) return;
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) g->levels[i][k] = better[k] ? levels[i][k] : g->levels[i][k];
}

// Tries steps around the one that spans a group, from most + first levels to the range on, a tenth more each time.
INLINE void fit(Groups *g, float most, float first, int tries) {
    GroupValues bottom, top, start, total = {0}, weighted = {0}, inverse, best, sum, sumSquares, sumProducts;
    GroupValues levels[WEIGHTS];
    for (size_t k = 0; k < GROUPS; k++) bottom[k] = top[k] = g->x[0][k];
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) {
            float x = g->x[i][k];
            bottom[k] = x < bottom[k] ? x : bottom[k];
            top[k] = x > top[k] ? x : top[k];
            total[k] += g->importance[i][k];
            weighted[k] += g->importance[i][k] * x;
        }
    for (size_t k = 0; k < GROUPS; k++) {
        start[k] = bottom[k] = bottom[k] > 0 ? 0 : bottom[k];
        inverse[k] = most / (top[k] - bottom[k]);
        g->scale[k] = 1 / inverse[k];
    }
    try_levels(g, inverse, bottom, most, g->levels, sum, sumSquares, sumProducts);
    error_of(g, g->scale, bottom, g->levels, best);
    for (int attempt = 0; attempt <= tries; attempt++) {
        // From the bottom that is the best so far.
        for (size_t k = 0; k < GROUPS; k++) inverse[k] = (first + 0.1f * (float)attempt + most) / (top[k] - bottom[k]);
        try_levels(g, inverse, bottom, most, levels, sum, sumSquares, sumProducts);
        improve(g, levels, total, weighted, sum, sumSquares, sumProducts, bottom, best);
    }
    // A group of one value that is not above zero has no scale.
    for (size_t k = 0; k < GROUPS; k++) {
        int isFlat = top[k] == start[k];
        g->scale[k] = isFlat ? 0 : g->scale[k];
        g->least[k] = -(isFlat ? start[k] : bottom[k]);
        for (size_t i = 0; i < WEIGHTS; i++) g->levels[i][k] = isFlat ? 0 : g->levels[i][k];
    }
}

// The block's first 16 bytes: half-precision scales of scales and minima, and both by group in 6 bits.
INLINE void put_scales(uint8_t *block, Groups *g) {
    float top[2] = {0, 0};
    for (size_t k = 0; k < GROUPS; k++) {
        top[0] = g->scale[k] > top[0] ? g->scale[k] : top[0];
        top[1] = g->least[k] > top[1] ? g->least[k] : top[1];
    }
    float inverse[2] = {top[0] > 0 ? 63 / top[0] : 0, top[1] > 0 ? 63 / top[1] : 0};
    uint16_t halves[2] = {half_of_float(top[0] / 63), half_of_float(top[1] / 63)};
    memcpy(block, halves, 4);
    uint8_t *packed = block + 4;
    for (size_t k = 0; k < GROUPS; k++) {
        uint32_t own = (uint32_t)nearest(inverse[0] * g->scale[k], 0, 63);
        uint32_t least = (uint32_t)nearest(inverse[1] * g->least[k], 0, 63);
        if (k < 4) {
            packed[k] = (uint8_t)own;
            packed[k + 4] = (uint8_t)least;
        } else {
            packed[k + 4] = (uint8_t)((own & 15) | (least & 15) << 4);
            packed[k - 4] = (uint8_t)(packed[k - 4] | (own >> 4) << 6);
            packed[k] = (uint8_t)(packed[k] | (least >> 4) << 6);
        }
        g->scale[k] = float_of_half(halves[0]) * (float)own;
        g->least[k] = float_of_half(halves[1]) * (float)least;
    }
}

// Levels by the scales as they are stored; where one is 0, those that were found stay.
INLINE void round_again(Groups *g, float most) {
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < GROUPS; k++) {
            float level = nearest((g->x[i][k] + g->least[k]) / g->scale[k], 0, most);
            g->levels[i][k] = g->scale[k] != 0 ? level : g->levels[i][k];
        }
}

// 32 bytes for each two groups, the lower four bits of both.
INLINE void put_group_nibbles(uint8_t *bytes, const Groups *g) {
    for (size_t k = 0; k < GROUPS; k += 2)
        for (size_t i = 0; i < WEIGHTS; i++, bytes++)
            *bytes = (uint8_t)(((uint32_t)g->levels[i][k] & 15) | ((uint32_t)g->levels[i][k + 1] & 15) << 4);
}

MULTIVERSION void avk_to_q4_k(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    Groups groups;
    for (size_t b = 0; b < blocks; b++, block += 144, in += 256) {
        take_groups(in, &groups);
        fit(&groups, 15, -1, 20);
        put_scales(block, &groups);
        round_again(&groups, 15);
        put_group_nibbles(block + 16, &groups);
    }
}

MULTIVERSION void avk_to_q5_k(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    Groups groups;
    for (size_t b = 0; b < blocks; b++, block += 176, in += 256) {
        take_groups(in, &groups);
        fit(&groups, 31, -0.5f, 15);
        put_scales(block, &groups);
        round_again(&groups, 31);
        for (size_t i = 0; i < WEIGHTS; i++) {
            uint32_t bits = 0;
            for (size_t k = 0; k < GROUPS; k++) bits |= ((uint32_t)groups.levels[i][k] >> 4 & 1) << k;
            block[16 + i] = (uint8_t)bits;
        }
        put_group_nibbles(block + 48, &groups);
    }
}
