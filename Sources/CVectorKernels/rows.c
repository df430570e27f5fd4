#include "CVectorKernels.h"
#include "inline.h"

#include <math.h>
#include <string.h>

// Softmax, norms, positions: loops over the rows of a matrix.

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

// The largest of a row's values and of what was seen before; NaN counts as nothing.
INLINE float largest_of(const float *row, size_t columns, float largest) {
    float lanes[16];
    for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
    size_t c = 0;
    for (; c + 16 <= columns; c += 16)
        for (int l = 0; l < 16; l++) lanes[l] = row[c + l] > lanes[l] ? row[c + l] : lanes[l];
    for (; c < columns; c++) largest = row[c] > largest ? row[c] : largest;
    for (int l = 0; l < 16; l++) largest = lanes[l] > largest ? lanes[l] : largest;
    return largest;
}

MULTIVERSION void avk_log_sum_exp_rows(const float *x, float *restrict top, double *restrict sum, size_t rows,
                                       size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *row = x + t * columns;
        float largest = largest_of(row, columns, top[t]);
        size_t c;
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

MULTIVERSION void avk_exp_rows_online(float *restrict x, float *restrict top, double *restrict sum,
                                      float *restrict shrink, float cap, size_t rows, size_t columns) {
    float inward = cap == 0 ? 0 : 1.0f / cap;
    for (size_t t = 0; t < rows; t++) {
        float *row = x + t * columns;
        float largest = largest_of(row, columns, top[t]);
        size_t c;
        double partial[16] = {0}, added = 0;
        for (c = 0; c + 16 <= columns; c += 16)
            for (int l = 0; l < 16; l++) {
                float share = row[c + l] * inward, value = exp_one(row[c + l] - largest);
                partial[l] += (double)value;
                row[c + l] = value * (1.0f - share * share);
            }
        for (; c < columns; c++) {
            float share = row[c] * inward, value = exp_one(row[c] - largest);
            added += (double)value;
            row[c] = value * (1.0f - share * share);
        }
        for (int l = 0; l < 16; l++) added += partial[l];
        double kept = sum[t] == 0 ? 0 : exp((double)(top[t] - largest));
        shrink[t] = largest == top[t] ? 1.0f : (float)kept;
        sum[t] = (sum[t] == 0 ? 0 : sum[t] * kept) + added;
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

MULTIVERSION void avk_exp_rows_capped(float *x, const float *top, const float *factor, float cap, size_t rows,
                                      size_t columns) {
    float inward = 1.0f / cap;
    for (size_t t = 0; t < rows; t++) {
        float *row = x + t * columns;
        float highest = top[t], scale = factor[t];
        for (size_t c = 0; c < columns; c++) {
            float share = row[c] * inward;
            row[c] = exp_one(row[c] - highest) * scale * (1.0f - share * share);
        }
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

void avk_softmax_window_rows(float *x, float scale, size_t window, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float *row = x + t * columns;
        size_t seen = columns - rows + t + 1, first = seen > window ? seen - window : 0;
        memset(row, 0, first * sizeof(float));
        avk_softmax_rows(row + first, scale, 1, seen - first);
        memset(row + seen, 0, (columns - seen) * sizeof(float));
    }
}

void avk_softmax_window_backward_rows(const float *p, float *g, float scale, size_t window, size_t rows,
                                      size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        float *row = g + t * columns;
        size_t seen = columns - rows + t + 1, first = seen > window ? seen - window : 0;
        memset(row, 0, first * sizeof(float));
        avk_softmax_backward_rows(p + t * columns + first, row + first, scale, 1, seen - first);
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

// `step` from pair to pair and `apart` its two numbers: constants where this is inlined, so that vectors need no gathering.
INLINE void turn_pairs(const float *in, const float *c, const float *s, float direction, float *o, size_t half,
                       const size_t step, size_t apart, int accumulate) {
    // out may be x: a pair is read before it is written.
#pragma clang loop vectorize(assume_safety)
    for (size_t d = 0; d < half; d++) {
        float sine = direction * s[d];
        float a = in[d * step], b = in[d * step + apart];
        float first = a * c[d] - b * sine, second = b * c[d] + a * sine;
        o[d * step] = accumulate ? o[d * step] + first : first;
        o[d * step + apart] = accumulate ? o[d * step + apart] + second : second;
    }
}

typedef float lanes __attribute__((vector_size(64), aligned(4)));
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

// Pairs of neighbours, sixteen at a time: the compiler would gather them one by one.
INLINE void turn_neighbours(const float *in, const float *c, const float *s, float direction, float *o, size_t half,
                            int accumulate) {
    size_t d = 0;
    for (; d + 16 <= half; d += 16) {
        lanes x = *(const lanes *)(in + 2 * d), y = *(const lanes *)(in + 2 * d + 16);
        lanes a = __builtin_shufflevector(x, y, EVEN), b = __builtin_shufflevector(x, y, ODD);
        lanes cosine = *(const lanes *)(c + d), sine = direction * *(const lanes *)(s + d);
        lanes first = a * cosine - b * sine, second = b * cosine + a * sine;
        lanes *low = (lanes *)(o + 2 * d), *high = (lanes *)(o + 2 * d + 16);
        lanes left = __builtin_shufflevector(first, second, LOW), right = __builtin_shufflevector(first, second, HIGH);
        *low = accumulate ? *low + left : left;
        *high = accumulate ? *high + right : right;
    }
    turn_pairs(in + 2 * d, c + d, s + d, direction, o + 2 * d, half - d, 2, 1, accumulate);
}

MULTIVERSION __attribute__((min_vector_width(512))) void avk_rotary_part(const float *x, const float *cosines, const float *sines, const int32_t *positions,
                                  float direction, float *out, size_t rows, size_t heads, size_t width, size_t half,
                                  int neighbours, int accumulate) {
    for (size_t t = 0; t < rows; t++) {
        const float *c = cosines + (size_t)positions[t] * half;
        const float *s = sines + (size_t)positions[t] * half;
        for (size_t h = 0; h < heads; h++) {
            const float *in = x + (t * heads + h) * width;
            float *o = out + (t * heads + h) * width;
            if (neighbours) turn_neighbours(in, c, s, direction, o, half, accumulate);
            else turn_pairs(in, c, s, direction, o, half, 1, half, accumulate);
            if (accumulate)
                for (size_t d = 2 * half; d < width; d++) o[d] += in[d];
            else if (o != in)
                memcpy(o + 2 * half, in + 2 * half, (width - 2 * half) * sizeof(float));
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

MULTIVERSION void avk_scale_and_shift_columns(const float *x, const float *gamma, const float *beta, float *y,
                                              size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *xrow = x + t * columns;
        float *yrow = y + t * columns;
        for (size_t c = 0; c < columns; c++) yrow[c] = xrow[c] * gamma[c] + beta[c];
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
