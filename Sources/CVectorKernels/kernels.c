#include "CVectorKernels.h"
#include "inline.h"

#include <math.h>

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

int avk_kernel_level(void) { return AVK_X86 ? avk_cpu_level() : 0; }

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

// x sigmoid(k x) with k = 1.702, whose slope is sigmoid(k x) (1 + k x (1 - sigmoid(k x))).
INLINE void gelu_quick_one(float x, float *value, float *slope) {
    float sigmoid, complement;
    sigmoid_one(1.702f * x, &sigmoid, &complement);
    *value = x * sigmoid;
    *slope = sigmoid * (1.0f + 1.702f * x * complement);
}

MULTIVERSION void avk_gelu_quick(const float *x, float *y, float *slope, size_t n) {
    if (slope) {
#pragma clang loop vectorize(assume_safety)
        for (size_t i = 0; i < n; i++) {
            float value, derivative;
            gelu_quick_one(x[i], &value, &derivative);
            slope[i] = derivative;
            y[i] = value;
        }
    } else {
#pragma clang loop vectorize(assume_safety)
        for (size_t i = 0; i < n; i++) {
            float value, derivative;
            gelu_quick_one(x[i], &value, &derivative);
            y[i] = value;
        }
    }
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

MULTIVERSION void avk_gated_gelu_tanh(const float *gate, const float *up, float *y, size_t n) {
#pragma clang loop vectorize(assume_safety)
    for (size_t i = 0; i < n; i++) {
        float value, slope;
        gelu_tanh_one(gate[i], &value, &slope);
        y[i] = value * up[i];
    }
}

MULTIVERSION void avk_gated_gelu_tanh_backward(const float *gradient, const float *gate, const float *up,
                                               float *gateOut, int gateAccumulate, float *upOut, int upAccumulate,
                                               size_t n) {
#pragma clang loop vectorize(assume_safety)
    for (size_t i = 0; i < n; i++) {
        float value, slope;
        gelu_tanh_one(gate[i], &value, &slope);
        float toGate = gradient[i] * up[i] * slope, toUp = gradient[i] * value;
        gateOut[i] = gateAccumulate ? gateOut[i] + toGate : toGate;
        upOut[i] = upAccumulate ? upOut[i] + toUp : toUp;
    }
}

MULTIVERSION void avk_soft_cap(float *x, float factor, float cap, size_t n) {
    float inward = factor / cap;
    for (size_t i = 0; i < n; i++) x[i] = cap * tanh_one(x[i] * inward);
}

MULTIVERSION void avk_soft_cap_backward(const float *x, float factor, float cap, float *restrict g, size_t n) {
    float inward = factor / cap;
    for (size_t i = 0; i < n; i++) {
        float t = tanh_one(x[i] * inward);
        g[i] *= factor * (1.0f - t * t);
    }
}

MULTIVERSION void avk_scale(const float *x, float factor, float *out, size_t n, int accumulate) {
    if (accumulate)
        for (size_t i = 0; i < n; i++) out[i] += x[i] * factor;
    else
        for (size_t i = 0; i < n; i++) out[i] = x[i] * factor;
}

MULTIVERSION void avk_multiply(const float *gradient, const float *slope, float *out, size_t n, int accumulate) {
    if (accumulate)
        for (size_t i = 0; i < n; i++) out[i] += gradient[i] * slope[i];
    else
        for (size_t i = 0; i < n; i++) out[i] = gradient[i] * slope[i];
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

MULTIVERSION int avk_all_finite(const float *x, size_t n) {
    // 0 * x is 0 for a finite x and NaN otherwise.
    float sum = 0;
    {
#pragma clang fp reassociate(on)
        for (size_t i = 0; i < n; i++) sum += 0.0f * x[i];
    }
    return sum == 0.0f;
}
