// Element-wise and row-wise loops of the training step, compiled for several x86-64 levels and chosen when
// the library is loaded. Sizes are in elements; arrays do not overlap unless a comment says they may.
// Backward kernels add into their outputs where the name says `accumulate`.
#ifndef ADALORA_VECTOR_KERNELS_H
#define ADALORA_VECTOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Highest level the running CPU supports: 4 (AVX-512 F/DQ/BW/VL), 3 (AVX2 and FMA), 1 otherwise.
int avk_cpu_level(void);

// The level these loops run at: the CPU's, or 0 where they are portable C (other CPUs, or ADALORA_PORTABLE_KERNELS).
int avk_kernel_level(void);

// y[i] = exp(x[i]), x clamped to [-87, 88]; relative error below 3e-7; may run in place.
void avk_exp(const float *x, float *y, size_t n);

// out[i] = x[i] + y[i]
void avk_sum(const float *x, const float *y, float *out, size_t n);

// y[i] += x[i]
void avk_add(const float *x, float *y, size_t n);

// y[t, c] = bias[c]: what a product with beta = 1 then adds to.
void avk_fill_rows(const float *bias, float *y, size_t rows, size_t columns);

// out[c] += sum over t of x[t, c]
void avk_column_sums_accumulate(const float *x, float *out, size_t rows, size_t columns);

// y[t, r] = x[t, r] * scale[r] * factor; scale may be NULL (all ones), y may be x.
void avk_scale_columns(const float *x, const float *scale, float factor, float *y, size_t rows, size_t columns);

// out[r] += factor * sum over t of a[t, r] * b[t, r]
void avk_column_dots_accumulate(const float *a, const float *b, float factor, float *out, size_t rows,
                                size_t columns);

// Exact (erf) GELU. y = x Phi(x) and slope = dy/dx; slope may be NULL, y may be x.
void avk_gelu(const float *x, float *y, float *slope, size_t n);

// The same for the approximation x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 ("gelu_new").
void avk_gelu_tanh(const float *x, float *y, float *slope, size_t n);

// The same for x / (1 + exp(-1.702 x)) ("quick_gelu").
void avk_gelu_quick(const float *x, float *y, float *slope, size_t n);

// y[i] = silu(gate[i]) * up[i], with silu(x) = x / (1 + exp(-x)).
void avk_gated_silu(const float *gate, const float *up, float *y, size_t n);

// gateOut (+)= d(loss)/d(gate) and upOut (+)= d(loss)/d(up) of the above, each added where its flag is set.
void avk_gated_silu_backward(const float *gradient, const float *gate, const float *up, float *gateOut,
                             int gateAccumulate, float *upOut, int upAccumulate, size_t n);

// The two above with the tanh form of GELU in place of silu.
void avk_gated_gelu_tanh(const float *gate, const float *up, float *y, size_t n);
void avk_gated_gelu_tanh_backward(const float *gradient, const float *gate, const float *up, float *gateOut,
                                  int gateAccumulate, float *upOut, int upAccumulate, size_t n);

// x[i] = cap * tanh(x[i] * factor / cap), in place; relative error below 5e-7.
void avk_soft_cap(float *x, float factor, float cap, size_t n);

// g[i] becomes the gradient of x[i] from that of avk_soft_cap's result: factor * (1 - tanh(x[i] * factor / cap)^2) * g[i].
void avk_soft_cap_backward(const float *x, float factor, float cap, float *g, size_t n);

// out[i] (+)= x[i] * factor; x may be out where nothing is added.
void avk_scale(const float *x, float factor, float *out, size_t n, int accumulate);

// out[i] (+)= gradient[i] * slope[i]
void avk_multiply(const float *gradient, const float *slope, float *out, size_t n, int accumulate);

// Softmax of each of `rows` rows of `columns` values times `scale`, in place.
void avk_softmax_rows(float *x, float scale, size_t rows, size_t columns);

// Folds `rows` rows of `columns` values, a further part of longer rows, into what was seen of each before: top becomes the
// largest value, sum the sum of exp(value - top). top starts at -infinity, sum at 0. NaN anywhere makes the sum NaN.
void avk_log_sum_exp_rows(const float *x, float *top, double *sum, size_t rows, size_t columns);

// The same, and each value becomes exp(value - top); with a cap other than 0, which made it, times the slope of the cap there.
// shrink: what brings exponentials of earlier parts to the new top, 1 where that is the old one.
void avk_exp_rows_online(float *x, float *top, double *sum, float *shrink, float cap, size_t rows, size_t columns);

// x[t, c] = exp(x[t, c] - top[t]) * factor[t], in place.
void avk_exp_rows(float *x, const float *top, const float *factor, size_t rows, size_t columns);

// The same through avk_soft_cap, whose results x holds: x[t, c] = exp(x[t, c] - top[t]) * factor[t] * (1 - (x[t, c] / cap)^2).
void avk_exp_rows_capped(float *x, const float *top, const float *factor, float cap, size_t rows, size_t columns);

// g becomes the gradient of the scaled scores: scale * p * (g - sum(g * p)) for each row.
void avk_softmax_backward_rows(const float *p, float *g, float scale, size_t rows, size_t columns);

// The two above for causal attention, row i of the last `rows` positions of `columns`: it sees columns 0 ... columns - rows
// + i. What lies beyond is not read and becomes 0. rows <= columns.
void avk_softmax_causal_rows(float *x, float scale, size_t rows, size_t columns);
void avk_softmax_causal_backward_rows(const float *p, float *g, float scale, size_t rows, size_t columns);

// These where a row sees no more than the last `window` of these columns. What lies before them is not read and becomes 0.
void avk_softmax_window_rows(float *x, float scale, size_t window, size_t rows, size_t columns);
void avk_softmax_window_backward_rows(const float *p, float *g, float scale, size_t window, size_t rows, size_t columns);

// Rotary positions. Columns d and half + d of each of `heads` heads of 2 * half columns are a pair that turns by the angle
// of the row's position: cosines and sines are [positions, half]. direction -1 turns back. out (+)= ; may be x.
void avk_rotary(const float *x, const float *cosines, const float *sines, const int32_t *positions, float direction,
                float *out, size_t rows, size_t heads, size_t half, int accumulate);

// The same in heads of `width` columns, of which the first 2 * half turn and the others stay. With `neighbours` the pairs
// are columns 2 d and 2 d + 1.
void avk_rotary_part(const float *x, const float *cosines, const float *sines, const int32_t *positions, float direction,
                     float *out, size_t rows, size_t heads, size_t width, size_t half, int neighbours, int accumulate);

// scores[i, j] += d[j, rows - 1 - i + j] for i < rows, j < columns: d holds what is known by distance in the order of
// distances, one row for each column of scores, whose rows are `scoresStride` apart. d: [columns, stride] with
// stride >= rows + columns - 1.
void avk_add_diagonals(const float *d, size_t stride, float *scores, size_t scoresStride, size_t rows, size_t columns);

// The way back: d[j, rows - 1 - i + j] = scores[i, j], and 0 elsewhere.
void avk_take_diagonals(const float *scores, size_t scoresStride, float *d, size_t stride, size_t rows, size_t columns);

// y = (s - mean) * rstd * gamma + beta for each row, with s = x + residual (residual may be NULL).
// normalized [rows, columns] and rstd [rows] are kept for the backward pass; both may be NULL.
void avk_layer_norm(const float *x, const float *residual, const float *gamma, const float *beta, float epsilon,
                    float *y, float *normalized, float *rstd, size_t rows, size_t columns);

// y = x * gamma + beta for each row: of x = normalized the y of the layer norm above, to the bit.
void avk_scale_and_shift_columns(const float *x, const float *gamma, const float *beta, float *y, size_t rows,
                                 size_t columns);

// out (+)= d(loss)/ds for the layer norm above.
void avk_layer_norm_backward(const float *gradient, const float *normalized, const float *rstd,
                             const float *gamma, float *out, size_t rows, size_t columns, int accumulate);

// gammaGradient[c] += sum of gradient * normalized; betaGradient[c] += sum of gradient.
void avk_layer_norm_parameters_accumulate(const float *gradient, const float *normalized, float *gammaGradient,
                                          float *betaGradient, size_t rows, size_t columns);

// y = x * rrms * gamma for each row, with rrms = 1 / sqrt(mean of x^2 + epsilon); rrms [rows] may be NULL.
void avk_rms_norm(const float *x, const float *gamma, float epsilon, float *y, float *rrms, size_t rows, size_t columns);

// out (+)= d(loss)/dx for the norm above.
void avk_rms_norm_backward(const float *gradient, const float *x, const float *rrms, const float *gamma, float *out,
                           size_t rows, size_t columns, int accumulate);

// gammaGradient[c] += sum of gradient * x * rrms.
void avk_rms_norm_gamma_accumulate(const float *gradient, const float *x, const float *rrms, float *gammaGradient,
                                   size_t rows, size_t columns);

// Decoupled AdamW (Loshchilov and Hutter 2019, as torch.optim.AdamW): w -= rate * (decay * w + m^/(sqrt(v^)+eps)).
// correction1 = 1 - beta1^t, correction2 = 1 - beta2^t. The gradient is multiplied by gradientScale first.
void avk_adamw(float *w, float *m, float *v, const float *g, size_t n, float gradientScale, float rate, float beta1,
               float beta2, float epsilon, float decay, float correction1, float correction2);

// Inverted dropout: y[i] = keep ? x[i] / (1 - probability) : 0, element i kept or not by a hash of (key, i) alone,
// so that forward and backward agree without a stored mask. May run in place; accumulate adds to y.
void avk_dropout(const float *x, float *y, size_t n, uint64_t key, float probability, int accumulate);

// Weights of a file as Float32, exactly. `in` need not be aligned; n is the number of weights, blocks that of blocks of
// 32 in 34 bytes: a half-precision scale and 32 signed bytes.
void avk_from_bfloat16(const void *in, float *out, size_t n);
void avk_from_float16(const void *in, float *out, size_t n);
void avk_from_q8_0(const void *in, float *out, size_t blocks);

// The same from ggml's other formats. Blocks of 32 weights, in 18, 20, 22, 24, 18 and 17 bytes:
void avk_from_q4_0(const void *in, float *out, size_t blocks);
void avk_from_q4_1(const void *in, float *out, size_t blocks);
void avk_from_q5_0(const void *in, float *out, size_t blocks);
void avk_from_q5_1(const void *in, float *out, size_t blocks);
void avk_from_iq4_nl(const void *in, float *out, size_t blocks);
void avk_from_mxfp4(const void *in, float *out, size_t blocks);
// Blocks of 256 weights, in 84, 110, 144, 176, 210 and 136 bytes:
void avk_from_q2_k(const void *in, float *out, size_t blocks);
void avk_from_q3_k(const void *in, float *out, size_t blocks);
void avk_from_q4_k(const void *in, float *out, size_t blocks);
void avk_from_q5_k(const void *in, float *out, size_t blocks);
void avk_from_q6_k(const void *in, float *out, size_t blocks);
void avk_from_iq4_xs(const void *in, float *out, size_t blocks);

// Float32 to these formats, as ggml's reference code rounds, with the same bytes on every machine. `out` need not be aligned.
// NaN stays NaN in the first two, and makes blocks of no use in those of blocks.
void avk_to_bfloat16(const float *in, void *out, size_t n);
void avk_to_float16(const float *in, void *out, size_t n);
void avk_to_q8_0(const float *in, void *out, size_t blocks);
void avk_to_q4_0(const float *in, void *out, size_t blocks);
void avk_to_q4_1(const float *in, void *out, size_t blocks);
void avk_to_q5_0(const float *in, void *out, size_t blocks);
void avk_to_q5_1(const float *in, void *out, size_t blocks);
void avk_to_q4_k(const float *in, void *out, size_t blocks);
void avk_to_q5_k(const float *in, void *out, size_t blocks);
void avk_to_q6_k(const float *in, void *out, size_t blocks);

// bitsandbytes' formats. n weights of NF4 from the one with the number `first` on, two to a byte; `scales` begins with that of
// first's block, and a block has `block` weights.
void avk_from_nf4(const void *codes, size_t first, const float *scales, size_t block, float *out, size_t n);
// n scales of NF4 that were packed themselves, from number `first` on: map[codes[i]] * scales[i / block] + offset. `scales` are
// Float32 at any address.
void avk_nf4_scales(const uint8_t *codes, const float *map, const void *scales, size_t first, size_t block, float offset,
                    float *out, size_t n);
// in[i] * scale / 127 from signed bytes.
void avk_from_int8(const void *in, float scale, float *out, size_t n);
// To what half precision can hold, in place.
void avk_round_to_bfloat16(float *x, size_t n);
void avk_round_to_float16(float *x, size_t n);
// n weights to (n + 1) / 2 bytes of NF4 and a scale for each block.
void avk_to_nf4(const float *in, size_t n, size_t block, void *codes, float *scales);
// The 16 levels.
const float *avk_nf4_levels(void);

// 1 when every element is finite.
int avk_all_finite(const float *x, size_t n);

// Products by panels: W columns of a right factor [k, n], W = avk_panel_columns(), row after row; the last panel is filled up with
// anything finite. out[m, n] = x[m, k] * panel, of which n <= W columns are meant, with `adds` added to what is there; rows of x
// and out lie ldx and ldo apart.
size_t avk_panel_columns(void);
void avk_panel_product(const float *x, size_t ldx, size_t m, size_t k, const float *panel, float *out, size_t ldo,
                       size_t n, int adds);
// out[k, m] = in[m, k] transposed, rows ldi and ldo apart; fast for m = 16.
void avk_transpose(const float *in, size_t ldi, size_t m, size_t k, float *out, size_t ldo);
// in[m, n] to rows first ..< first + m of ceil(n / W) panels of `depth` rows.
void avk_into_panels(const float *in, size_t m, size_t n, float *panels, size_t depth, size_t first);
// out[m, n]: n columns of rows that lie ldi apart, side by side. Rows a power of two apart share few places of a cache.
void avk_copy_columns(const float *in, size_t ldi, size_t m, size_t n, float *out);

// Products of bf16 with sums of Float32. Pairs of the shared dimension stand in 32 bits, the first in the lower half; of an odd
// number the last has 0 beside it. A panel has 64 columns of pairs, row after row; sizes and distances of pairs are in pairs.
// Rounded to nearest even; NaN and infinity stay. Numbers below the normal ones of Float32 count as 0.
size_t avk_pair_columns(void);
// 1 where the CPU has an instruction for such products (AVX512-BF16).
int avk_has_bfloat16(void);
// Rows [m, k], ldi apart, to pairs [m, (k + 1) / 2], ldo apart.
void avk_to_bfloat16_pairs(const float *in, size_t ldi, size_t m, size_t k, void *out, size_t ldo);
// Rows [m, n] two by two, m even but in the last call, to rows first ..< first + (m + 1) / 2 of ceil(n / 64) panels of `depth`
// rows.
void avk_into_pair_panels(const float *in, size_t m, size_t n, void *panels, size_t depth, size_t first);
// out[m, n] = x[m, 2 pairs] * panel, of which n <= 64 columns are meant, added to what is there where `adds`. Each element is one
// sum, of second halves before first ones: the same bits by the instruction and by the plain loop (where that has fused
// multiply-add: AVX2 and above).
void avk_pair_product(const void *x, size_t ldx, size_t m, size_t pairs, const void *panel, float *out, size_t ldo, size_t n,
                      int adds);
void avk_pair_product_plain(const void *x, size_t ldx, size_t m, size_t pairs, const void *panel, float *out, size_t ldo,
                            size_t n, int adds);

#endif
