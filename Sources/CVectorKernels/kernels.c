#include "CVectorKernels.h"

#include <math.h>
#include <string.h>

// The same C loop, compiled for several instruction sets; the loader's ifunc resolver picks one. Without
// this, Swift packages get SSE2 code only (unsafeFlags would bar them from being dependencies).
#if defined(__x86_64__) && defined(__linux__)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif
#define INLINE static inline __attribute__((always_inline))

int avk_cpu_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return 4;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 3;
#endif
    return 1;
}

// exp by 2^n * exp(r), |r| <= ln2/2, Taylor to degree 6. Rounding by the magic constant 1.5 * 2^23 keeps the
// integer in the low bits, so there is no float-to-int conversion to be undefined for NaN. NaN stays NaN.
INLINE float exp_one(float x) {
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    float shifted = x * 1.44269504f + 12582912.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, 4);
    float n = shifted - 12582912.0f;
    float r = x - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    float p = 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t scaleBits = (bits + 127u) << 23;
    float scale;
    memcpy(&scale, &scaleBits, 4);
    return p * scale;
}

MULTIVERSION void avk_exp(const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = exp_one(x[i]);
}

MULTIVERSION void avk_sum(const float *x, const float *y, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = x[i] + y[i];
}

MULTIVERSION void avk_add(const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void avk_fill_rows(const float *bias, float *y, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) memcpy(y + t * columns, bias, columns * sizeof(float));
}

MULTIVERSION void avk_column_sums_accumulate(const float *x, float *restrict out, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++)
        for (size_t c = 0; c < columns; c++) out[c] += x[t * columns + c];
}

MULTIVERSION void avk_scale_columns(const float *x, const float *scale, float factor, float *y, size_t rows,
                                    size_t columns) {
    if (!scale) {
        for (size_t i = 0; i < rows * columns; i++) y[i] = x[i] * factor;
        return;
    }
    for (size_t t = 0; t < rows; t++)
        for (size_t c = 0; c < columns; c++) y[t * columns + c] = x[t * columns + c] * (scale[c] * factor);
}

MULTIVERSION void avk_column_dots_accumulate(const float *a, const float *b, float factor, float *restrict out,
                                             size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++)
        for (size_t c = 0; c < columns; c++) out[c] += factor * a[t * columns + c] * b[t * columns + c];
}

// Phi(x) = 1 - erfc(z)/2 at z = |x|/sqrt(2), mirrored. erfc(z) = t P(t) exp(-z^2) with t = 1/(1 + 0.4 z); P of
// degree 7 was fitted (weighted minimax) with an absolute error of 6e-10, below Float32 rounding. The same
// exp(-x^2/2) gives the density for the slope, so one exponential serves both.
INLINE void gelu_one(float x, float *value, float *slope) {
    float z = fabsf(x) * 0.707106781f;
    float e = exp_one(-z * z);
    float t = 1.0f / (1.0f + 0.4f * z);
    float p = 7.844494678e-02f;
    p = p * t - 4.137155365e-01f;
    p = p * t + 7.213325329e-01f;
    p = p * t - 4.123547890e-01f;
    p = p * t + 4.318710839e-01f;
    p = p * t + 1.316953054e-01f;
    p = p * t + 2.378793517e-01f;
    p = p * t + 2.248471054e-01f;
    float tail = 0.5f * t * p * e;
    float phi = x < 0.0f ? tail : 1.0f - tail;
    *value = x * phi;
    *slope = phi + x * 0.398942280f * e;
}

MULTIVERSION void avk_gelu(const float *x, float *y, float *slope, size_t n) {
    if (slope) {
        // y or slope may be x itself; element i needs no other.
#pragma clang loop vectorize(assume_safety)
        for (size_t i = 0; i < n; i++) {
            float value, derivative;
            gelu_one(x[i], &value, &derivative);
            slope[i] = derivative;
            y[i] = value;
        }
    } else {
#pragma clang loop vectorize(assume_safety)
        for (size_t i = 0; i < n; i++) {
            float value, derivative;
            gelu_one(x[i], &value, &derivative);
            y[i] = value;
        }
    }
}

// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)), computed from the side where the exponential is at most 1.
INLINE void gelu_tanh_one(float x, float *value, float *slope) {
    float u = 0.797884561f * (x + 0.044715f * x * x * x);
    // Beyond 44 the exponential is 0 in Float32; x^3 may be infinite there.
    float magnitude = fabsf(u) > 44.0f ? 44.0f : fabsf(u);
    float e = exp_one(-2.0f * magnitude);
    float inverse = 1.0f / (1.0f + e);
    float phi = u < 0.0f ? e * inverse : inverse;
    *value = x * phi;
    float du = 0.797884561f * (1.0f + 0.134145f * x * x);
    // 2 phi (1 - phi) du/dx; where e vanishes, x times it would be infinity times 0.
    float density = magnitude < 44.0f ? 2.0f * e * inverse * inverse * du * x : 0.0f;
    *slope = phi + density;
}

MULTIVERSION void avk_gelu_tanh(const float *x, float *y, float *slope, size_t n) {
    if (slope) {
#pragma clang loop vectorize(assume_safety)
        for (size_t i = 0; i < n; i++) {
            float value, derivative;
            gelu_tanh_one(x[i], &value, &derivative);
            slope[i] = derivative;
            y[i] = value;
        }
    } else {
#pragma clang loop vectorize(assume_safety)
        for (size_t i = 0; i < n; i++) {
            float value, derivative;
            gelu_tanh_one(x[i], &value, &derivative);
            y[i] = value;
        }
    }
}

// 1 / (1 + exp(-x)) and its complement, which as a difference from 1 would lose its digits where x is large.
INLINE void sigmoid_one(float x, float *value, float *complement) {
    float e = exp_one(-x);
    *value = 1.0f / (1.0f + e);
    *complement = e * *value;
}

MULTIVERSION void avk_gated_silu(const float *gate, const float *up, float *y, size_t n) {
#pragma clang loop vectorize(assume_safety)
    for (size_t i = 0; i < n; i++) {
        float sigmoid, complement;
        sigmoid_one(gate[i], &sigmoid, &complement);
        y[i] = gate[i] * sigmoid * up[i];
    }
}

MULTIVERSION void avk_gated_silu_backward(const float *gradient, const float *gate, const float *up, float *gateOut,
                                          int gateAccumulate, float *upOut, int upAccumulate, size_t n) {
#pragma clang loop vectorize(assume_safety)
    for (size_t i = 0; i < n; i++) {
        float sigmoid, complement;
        sigmoid_one(gate[i], &sigmoid, &complement);
        float slope = sigmoid * (1.0f + gate[i] * complement);
        float toGate = gradient[i] * up[i] * slope, toUp = gradient[i] * (gate[i] * sigmoid);
        gateOut[i] = gateAccumulate ? gateOut[i] + toGate : toGate;
        upOut[i] = upAccumulate ? upOut[i] + toUp : toUp;
    }
}

MULTIVERSION void avk_multiply(const float *gradient, const float *slope, float *out, size_t n, int accumulate) {
    if (accumulate)
        for (size_t i = 0; i < n; i++) out[i] += gradient[i] * slope[i];
    else
        for (size_t i = 0; i < n; i++) out[i] = gradient[i] * slope[i];
}

MULTIVERSION void avk_softmax_rows(float *x, float scale, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float *row = x + t * columns;
        float lanes[16];
        for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
        size_t c = 0;
        for (; c + 16 <= columns; c += 16)
            for (int l = 0; l < 16; l++) lanes[l] = row[c + l] > lanes[l] ? row[c + l] : lanes[l];
        float top = -INFINITY;
        for (; c < columns; c++) top = row[c] > top ? row[c] : top;
        for (int l = 0; l < 16; l++) top = lanes[l] > top ? lanes[l] : top;
        float sum = 0;
        {
#pragma clang fp reassociate(on)
            for (c = 0; c < columns; c++) {
                float e = exp_one((row[c] - top) * scale);
                row[c] = e;
                sum += e;
            }
        }
        float inverse = 1.0f / sum;
        for (c = 0; c < columns; c++) row[c] *= inverse;
    }
}

MULTIVERSION void avk_log_sum_exp_rows(const float *x, float *restrict top, double *restrict sum, size_t rows,
                                       size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *row = x + t * columns;
        float lanes[16];
        for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
        size_t c = 0;
        for (; c + 16 <= columns; c += 16)
            for (int l = 0; l < 16; l++) lanes[l] = row[c + l] > lanes[l] ? row[c + l] : lanes[l];
        float largest = top[t];
        for (; c < columns; c++) largest = row[c] > largest ? row[c] : largest;
        for (int l = 0; l < 16; l++) largest = lanes[l] > largest ? lanes[l] : largest;
        // A vocabulary is too long for a sum in Float32.
        double partial[8] = {0};
        for (c = 0; c + 8 <= columns; c += 8)
            for (int l = 0; l < 8; l++) partial[l] += (double)exp_one(row[c + l] - largest);
        double added = 0;
        for (; c < columns; c++) added += (double)exp_one(row[c] - largest);
        for (int l = 0; l < 8; l++) added += partial[l];
        sum[t] = (sum[t] == 0 ? 0 : sum[t] * exp((double)(top[t] - largest))) + added;
        top[t] = largest;
    }
}

MULTIVERSION void avk_exp_rows(float *x, const float *top, const float *factor, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float *row = x + t * columns;
        float highest = top[t], scale = factor[t];
        for (size_t c = 0; c < columns; c++) row[c] = exp_one(row[c] - highest) * scale;
    }
}

MULTIVERSION void avk_softmax_backward_rows(const float *p, float *g, float scale, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *prow = p + t * columns;
        float *grow = g + t * columns;
        float dot = 0;
        {
#pragma clang fp reassociate(on)
            for (size_t c = 0; c < columns; c++) dot += prow[c] * grow[c];
        }
        for (size_t c = 0; c < columns; c++) grow[c] = scale * prow[c] * (grow[c] - dot);
    }
}

void avk_softmax_causal_rows(float *x, float scale, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float *row = x + t * columns;
        size_t seen = columns - rows + t + 1;
        avk_softmax_rows(row, scale, 1, seen);
        memset(row + seen, 0, (columns - seen) * sizeof(float));
    }
}

void avk_softmax_causal_backward_rows(const float *p, float *g, float scale, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float *row = g + t * columns;
        size_t seen = columns - rows + t + 1;
        avk_softmax_backward_rows(p + t * columns, row, scale, 1, seen);
        memset(row + seen, 0, (columns - seen) * sizeof(float));
    }
}

MULTIVERSION void avk_rotary(const float *x, const float *cosines, const float *sines, const int32_t *positions,
                             float direction, float *out, size_t rows, size_t heads, size_t half, int accumulate) {
    for (size_t t = 0; t < rows; t++) {
        const float *c = cosines + (size_t)positions[t] * half;
        const float *s = sines + (size_t)positions[t] * half;
        for (size_t h = 0; h < heads; h++) {
            const float *in = x + (t * heads + h) * 2 * half;
            float *o = out + (t * heads + h) * 2 * half;
            // out may be x: a pair is read before it is written.
#pragma clang loop vectorize(assume_safety)
            for (size_t d = 0; d < half; d++) {
                float sine = direction * s[d];
                float first = in[d] * c[d] - in[half + d] * sine;
                float second = in[half + d] * c[d] + in[d] * sine;
                o[d] = accumulate ? o[d] + first : first;
                o[half + d] = accumulate ? o[half + d] + second : second;
            }
        }
    }
}

MULTIVERSION void avk_add_diagonals(const float *d, size_t stride, float *restrict scores, size_t scoresStride,
                                    size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        const float *diagonal = d + (rows - 1 - i);
        float *row = scores + i * scoresStride;
        for (size_t j = 0; j < columns; j++) row[j] += diagonal[j * (stride + 1)];
    }
}

MULTIVERSION void avk_take_diagonals(const float *scores, size_t scoresStride, float *restrict d, size_t stride,
                                     size_t rows, size_t columns) {
    memset(d, 0, columns * stride * sizeof(float));
    for (size_t i = 0; i < rows; i++) {
        const float *row = scores + i * scoresStride;
        float *diagonal = d + (rows - 1 - i);
        for (size_t j = 0; j < columns; j++) diagonal[j * (stride + 1)] = row[j];
    }
}

MULTIVERSION void avk_layer_norm(const float *x, const float *residual, const float *gamma, const float *beta,
                                 float epsilon, float *y, float *normalized, float *rstd, size_t rows,
                                 size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *xrow = x + t * columns;
        float *yrow = y + t * columns;
        float sum = 0;
        if (residual) {
#pragma clang fp reassociate(on)
            const float *rrow = residual + t * columns;
            for (size_t c = 0; c < columns; c++) {
                float s = xrow[c] + rrow[c];
                yrow[c] = s;
                sum += s;
            }
        } else {
#pragma clang fp reassociate(on)
            for (size_t c = 0; c < columns; c++) {
                yrow[c] = xrow[c];
                sum += xrow[c];
            }
        }
        float mean = sum / (float)columns;
        float squares = 0;
        {
#pragma clang fp reassociate(on)
            for (size_t c = 0; c < columns; c++) {
                float d = yrow[c] - mean;
                squares += d * d;
            }
        }
        float inverse = 1.0f / sqrtf(squares / (float)columns + epsilon);
        if (rstd) rstd[t] = inverse;
        if (normalized) {
            float *nrow = normalized + t * columns;
            for (size_t c = 0; c < columns; c++) {
                float n = (yrow[c] - mean) * inverse;
                nrow[c] = n;
                yrow[c] = n * gamma[c] + beta[c];
            }
        } else {
            for (size_t c = 0; c < columns; c++) yrow[c] = (yrow[c] - mean) * inverse * gamma[c] + beta[c];
        }
    }
}

MULTIVERSION void avk_layer_norm_backward(const float *gradient, const float *normalized, const float *rstd,
                                          const float *gamma, float *out, size_t rows, size_t columns,
                                          int accumulate) {
    for (size_t t = 0; t < rows; t++) {
        const float *g = gradient + t * columns;
        const float *n = normalized + t * columns;
        float *o = out + t * columns;
        float sum = 0, dot = 0;
        {
#pragma clang fp reassociate(on)
            for (size_t c = 0; c < columns; c++) {
                float w = g[c] * gamma[c];
                sum += w;
                dot += w * n[c];
            }
        }
        float meanGradient = sum / (float)columns, meanDot = dot / (float)columns, r = rstd[t];
        if (accumulate)
            for (size_t c = 0; c < columns; c++) o[c] += r * (g[c] * gamma[c] - meanGradient - n[c] * meanDot);
        else
            for (size_t c = 0; c < columns; c++) o[c] = r * (g[c] * gamma[c] - meanGradient - n[c] * meanDot);
    }
}

MULTIVERSION void avk_layer_norm_parameters_accumulate(const float *gradient, const float *normalized,
                                                       float *restrict gammaGradient,
                                                       float *restrict betaGradient, size_t rows,
                                                       size_t columns) {
    for (size_t t = 0; t < rows; t++)
        for (size_t c = 0; c < columns; c++) {
            gammaGradient[c] += gradient[t * columns + c] * normalized[t * columns + c];
            betaGradient[c] += gradient[t * columns + c];
        }
}

MULTIVERSION void avk_rms_norm(const float *x, const float *gamma, float epsilon, float *y, float *rrms, size_t rows,
                               size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *xrow = x + t * columns;
        float *yrow = y + t * columns;
        float squares = 0;
        {
#pragma clang fp reassociate(on)
            for (size_t c = 0; c < columns; c++) squares += xrow[c] * xrow[c];
        }
        float inverse = 1.0f / sqrtf(squares / (float)columns + epsilon);
        if (rrms) rrms[t] = inverse;
        for (size_t c = 0; c < columns; c++) yrow[c] = xrow[c] * inverse * gamma[c];
    }
}

MULTIVERSION void avk_rms_norm_backward(const float *gradient, const float *x, const float *rrms, const float *gamma,
                                        float *out, size_t rows, size_t columns, int accumulate) {
    for (size_t t = 0; t < rows; t++) {
        const float *g = gradient + t * columns;
        const float *xrow = x + t * columns;
        float *o = out + t * columns;
        float dot = 0;
        {
#pragma clang fp reassociate(on)
            for (size_t c = 0; c < columns; c++) dot += g[c] * gamma[c] * xrow[c];
        }
        float r = rrms[t], along = r * r * r * dot / (float)columns;
        if (accumulate)
            for (size_t c = 0; c < columns; c++) o[c] += r * g[c] * gamma[c] - along * xrow[c];
        else
            for (size_t c = 0; c < columns; c++) o[c] = r * g[c] * gamma[c] - along * xrow[c];
    }
}

MULTIVERSION void avk_rms_norm_gamma_accumulate(const float *gradient, const float *x, const float *rrms,
                                                float *restrict gammaGradient, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float r = rrms[t];
        for (size_t c = 0; c < columns; c++)
            gammaGradient[c] += gradient[t * columns + c] * (x[t * columns + c] * r);
    }
}

MULTIVERSION void avk_adamw(float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n,
                            float gradientScale, float rate, float beta1, float beta2, float epsilon, float decay,
                            float correction1, float correction2) {
    float step = rate / correction1, root = 1.0f / sqrtf(correction2), keep = 1.0f - rate * decay;
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i] * gradientScale;
        m[i] = beta1 * m[i] + (1.0f - beta1) * gradient;
        v[i] = beta2 * v[i] + (1.0f - beta2) * gradient * gradient;
        // The builtin, unlike sqrtf, never sets errno and so vectorizes.
        w[i] = w[i] * keep - step * m[i] / (__builtin_elementwise_sqrt(v[i]) * root + epsilon);
    }
}

// The finalizer of MurmurHash3 (fmix64) over key + index * odd constant: uniform enough for masks, stateless.
INLINE uint32_t hash_index(uint64_t key, uint64_t index) {
    uint64_t h = key + (index + 1) * 0x9E3779B97F4A7C15ull;
    h ^= h >> 33;
    h *= 0xFF51AFD7ED558CCDull;
    h ^= h >> 33;
    h *= 0xC4CEB9FE1A85EC53ull;
    h ^= h >> 33;
    return (uint32_t)(h >> 32);
}

MULTIVERSION void avk_dropout(const float *x, float *y, size_t n, uint64_t key, float probability,
                              int accumulate) {
    float keepScale = 1.0f / (1.0f - probability);
    uint32_t threshold = (uint32_t)(probability * 4294967296.0);
    for (size_t i = 0; i < n; i++) {
        float value = hash_index(key, i) >= threshold ? x[i] * keepScale : 0.0f;
        y[i] = accumulate ? y[i] + value : value;
    }
}

INLINE float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

MULTIVERSION void avk_from_bfloat16(const void *in, float *out, size_t n) {
    const uint8_t *bytes = in;
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        out[i] = float_of_bits((uint32_t)half << 16);
    }
}

// By integers: baseline x86-64 has no conversion from half precision.
INLINE float float_of_half(uint16_t half) {
    uint32_t magnitude = (uint32_t)(half & 0x7FFF) << 13;
    uint32_t exponent = magnitude & 0x0F800000u;
    // The exponent's bias is 15 in a half and 127 in a float; 31 stands for infinity and NaN, as 255 does.
    uint32_t normal = magnitude + ((exponent == 0x0F800000u ? 224u : 112u) << 23);
    // Below 2^-14 the mantissa counts units of 2^-24: put behind the 1 of 2^-14, which is then taken off.
    float subnormal = float_of_bits(magnitude + (113u << 23)) - 0x1p-14f;
    uint32_t subnormalBits;
    memcpy(&subnormalBits, &subnormal, 4);
    return float_of_bits((exponent == 0 ? subnormalBits : normal) | (uint32_t)(half & 0x8000) << 16);
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

MULTIVERSION int avk_all_finite(const float *x, size_t n) {
    // 0 * x is 0 for a finite x and NaN otherwise.
    float sum = 0;
    {
#pragma clang fp reassociate(on)
        for (size_t i = 0; i < n; i++) sum += 0.0f * x[i];
    }
    return sum == 0.0f;
}
