#include "CVectorKernels.h"
#include "half.h"
#include "inline.h"

// Float32 to ggml's Q6_K as its quantize_row_q6_K_ref does (make_qx_quants in ggml-quants.c), with the same bytes on every
// machine: see pack_groups.c.
#pragma STDC FP_CONTRACT OFF

// As many groups in a block as weights in each; levels -32 ... 31.
enum { SIDE = 16 };
typedef float SideValues[SIDE];

// Below, a group counts as all zeros.
static const float nothing = 1e-15f;
// Above, a scale would be beyond half precision anyway, and squares soon beyond Float32: without one, weights became 0.
static const float tooLarge = 1e12f;

INLINE float nearest_between(float value, float least, float most) {
    float whole = (value + 12582912.0f) - 12582912.0f;
    whole = whole > least ? whole : least;
    return whole < most ? whole : most;
}

// Levels at a step of 1 / inverse, and the sums for the scale of the least error, where the error of a weight counts by its
// square.
INLINE void try_scale(SideValues *x, const float *inverse, SideValues *levels, float *products, float *squares) {
    for (size_t k = 0; k < SIDE; k++) products[k] = squares[k] = 0;
    for (size_t i = 0; i < SIDE; i++)
        for (size_t k = 0; k < SIDE; k++) {
            float value = x[i][k], level = nearest_between(inverse[k] * value, -32, 31), square = value * value;
            levels[i][k] = level;
            products[k] += square * value * level;
            squares[k] += square * level * level;
        }
}

// The scale of each group, and levels by it: tries steps around the one that the largest magnitude asks for.
INLINE void fit_scales(SideValues *x, SideValues *levels, float *scale) {
    SideValues largest = {0}, extreme = {0}, inverse, products, squares, best, tried[SIDE];
    for (size_t i = 0; i < SIDE; i++)
        for (size_t k = 0; k < SIDE; k++) {
            float magnitude = x[i][k] < 0 ? -x[i][k] : x[i][k];
            extreme[k] = magnitude > largest[k] ? x[i][k] : extreme[k];
            largest[k] = magnitude > largest[k] ? magnitude : largest[k];
        }
    for (size_t k = 0; k < SIDE; k++) inverse[k] = -32 / extreme[k];
    try_scale(x, inverse, levels, products, squares);
    for (size_t k = 0; k < SIDE; k++) {
        scale[k] = squares[k] != 0 ? products[k] / squares[k] : 0;
        best[k] = scale[k] * products[k];
    }
    for (int attempt = -9; attempt <= 9; attempt++) {
        if (attempt == 0) continue;
        int32_t better[SIDE], any = 0;
        for (size_t k = 0; k < SIDE; k++) inverse[k] = -(32 + 0.1f * (float)attempt) / extreme[k];
        try_scale(x, inverse, tried, products, squares);
        for (size_t k = 0; k < SIDE; k++) {
            better[k] = squares[k] > 0 && products[k] * products[k] > best[k] * squares[k];
            any |= better[k];
            scale[k] = better[k] ? products[k] / squares[k] : scale[k];
            best[k] = better[k] ? scale[k] * products[k] : best[k];
        }
        if (!any) continue;
        for (size_t i = 0; i < SIDE; i++)
            for (size_t k = 0; k < SIDE; k++) levels[i][k] = better[k] ? tried[i][k] : levels[i][k];
    }
    for (size_t k = 0; k < SIDE; k++) {
        int isNothing = largest[k] < nothing;
        scale[k] = isNothing ? 0 : largest[k] > tooLarge ? __builtin_inff() : scale[k];
        for (size_t i = 0; i < SIDE; i++) levels[i][k] = isNothing ? -32 : levels[i][k];
    }
}

// Half-precision scale and those of groups in 8 bits; `scale` becomes what they stand for. 0 where the block is all zeros.
INLINE int put_signed_scales(uint8_t *block, float *scale) {
    float largest = 0, extreme = 0;
    for (size_t k = 0; k < SIDE; k++) {
        float magnitude = scale[k] < 0 ? -scale[k] : scale[k];
        extreme = magnitude > largest ? scale[k] : extreme;
        largest = magnitude > largest ? magnitude : largest;
    }
    if (largest < nothing) return 0;
    float inverse = -128 / extreme;
    uint16_t half = half_of_float(1 / inverse);
    memcpy(block + 208, &half, 2);
    for (size_t k = 0; k < SIDE; k++) {
        int32_t own = (int32_t)nearest_between(inverse * scale[k], -128, 127);
        block[192 + k] = (uint8_t)own;
        scale[k] = float_of_half(half) * (float)own;
    }
    return 1;
}

// 6 bits of each weight: the lower four in 128 bytes, the upper two in 64. A run is two groups, a half four runs.
INLINE void put_six_bits(uint8_t *block, SideValues *levels) {
    for (size_t half = 0; half < 2; half++)
        for (size_t i = 0; i < 32; i++) {
            uint32_t runs[4];
            for (size_t run = 0; run < 4; run++)
                runs[run] = (uint32_t)((int32_t)levels[i % SIDE][8 * half + 2 * run + i / SIDE] + 32);
            block[64 * half + i] = (uint8_t)((runs[0] & 15) | (runs[2] & 15) << 4);
            block[64 * half + 32 + i] = (uint8_t)((runs[1] & 15) | (runs[3] & 15) << 4);
            block[128 + 32 * half + i] =
                (uint8_t)(runs[0] >> 4 | runs[1] >> 4 << 2 | runs[2] >> 4 << 4 | runs[3] >> 4 << 6);
        }
}

MULTIVERSION void avk_to_q6_k(const float *in, void *out, size_t blocks) {
    uint8_t *block = out;
    SideValues x[SIDE], levels[SIDE], scale;
    for (size_t b = 0; b < blocks; b++, block += 210, in += 256) {
        for (size_t i = 0; i < SIDE; i++)
            for (size_t k = 0; k < SIDE; k++) x[i][k] = in[SIDE * k + i];
        fit_scales(x, levels, scale);
        if (!put_signed_scales(block, scale)) {
            memset(block, 0, 210);
            continue;
        }
        for (size_t i = 0; i < SIDE; i++)
            for (size_t k = 0; k < SIDE; k++) {
                float level = nearest_between(x[i][k] / scale[k], -32, 31);
                levels[i][k] = scale[k] != 0 ? level : levels[i][k];
            }
        put_six_bits(block, levels);
    }
}
