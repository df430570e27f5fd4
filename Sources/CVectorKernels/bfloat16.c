#include "CVectorKernels.h"
#include "half.h"

#if AVK_X86
#include <immintrin.h>
#endif

// Products of bf16 numbers with sums of Float32. Two neighbours of the shared dimension stand in 32 bits, the first in the
// lower half, as VDPBF16PS reads them. A panel has 64 columns, one pair of rows after the other.
//
// The instruction adds the product of the second pair's halves to the sum, then that of the first, each fused and rounded to
// nearest even; what is smaller than a normal Float32 counts as 0. The plain loop does the same, bit for bit where it has
// fused multiply-add (AVX2 and above).

enum { PAIR_COLUMNS = 64, PAIR_ROWS = 6 };

size_t avk_pair_columns(void) { return PAIR_COLUMNS; }

int avk_has_bfloat16(void) {
#if AVK_X86
    __builtin_cpu_init();
    return avk_kernel_level() == 4 && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

INLINE uint32_t bfloat16_of(float value) {
    uint32_t bits = bits_of_float(value);
    uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16;
    return (bits & 0x7FFFFFFFu) > 0x7F800000u ? bits >> 16 | 64 : rounded;
}

#if AVK_X86
#define FAST __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))

// By the instruction, which makes what is smaller than a normal number 0, as products take it anyway.
FAST static void fast_round(const float *in, uint16_t *out, size_t n) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(out + i), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(in + i)));
    for (; i < n; i++) out[i] = (uint16_t)bfloat16_of(in[i]);
}

FAST static void fast_interleave(const float *a, const float *b, uint32_t *out, size_t n) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(a + i)));
        __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(b + i)));
        _mm512_storeu_si512(out + i, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
    for (; i < n; i++) out[i] = bfloat16_of(a[i]) | bfloat16_of(b[i]) << 16;
}
#endif

MULTIVERSION static void plain_round(const float *in, uint16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (uint16_t)bfloat16_of(in[i]);
}

MULTIVERSION static void plain_interleave(const float *a, const float *b, uint32_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = bfloat16_of(a[i]) | bfloat16_of(b[i]) << 16;
}

typedef void (*rounding)(const float *, uint16_t *, size_t);
typedef void (*interleaving)(const float *, const float *, uint32_t *, size_t);

static rounding round_row(void) {
#if AVK_X86
    if (avk_has_bfloat16()) return fast_round;
#endif
    return plain_round;
}

static interleaving interleave(void) {
#if AVK_X86
    if (avk_has_bfloat16()) return fast_interleave;
#endif
    return plain_interleave;
}

void avk_to_bfloat16_pairs(const float *in, size_t ldi, size_t m, size_t k, void *out, size_t ldo) {
    rounding round = round_row();
    for (size_t r = 0; r < m; r++) {
        uint16_t *halves = (uint16_t *)out + 2 * r * ldo;
        round(in + r * ldi, halves, k);
        if (k & 1) halves[k] = 0;
    }
}

void avk_into_pair_panels(const float *in, size_t m, size_t n, void *panels, size_t depth, size_t first) {
    static const float zeros[PAIR_COLUMNS];
    interleaving pair = interleave();
    for (size_t r = 0; r < m; r += 2, in += 2 * n)
        for (size_t start = 0; start < n; start += PAIR_COLUMNS) {
            size_t count = n - start < PAIR_COLUMNS ? n - start : PAIR_COLUMNS;
            uint32_t *out = (uint32_t *)panels + start * depth + (first + r / 2) * PAIR_COLUMNS;
            pair(in + start, r + 1 < m ? in + n + start : zeros, out, count);
        }
}

#if AVK_X86
// out[rows, 64] = x[rows, 2 pairs] · panel, added to what is there where `adds`; `rows` is a constant where this is inlined.
INLINE FAST void fast_rows(const size_t rows, const uint32_t *x, size_t ldx, size_t pairs, const uint32_t *panel, float *out,
                           size_t ldo, int adds) {
    __m512 sums[PAIR_ROWS][4];
    _Pragma("clang loop unroll(full)") for (size_t r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (size_t p = 0; p < 4; p++) {
            sums[r][p] = _mm512_setzero_ps();
            __builtin_prefetch(out + r * ldo + p * 16, 1);
        }
    for (size_t i = 0; i < pairs; i++, panel += PAIR_COLUMNS) {
        __m512bh factor[4];
        _Pragma("clang loop unroll(full)") for (size_t p = 0; p < 4; p++)
            factor[p] = (__m512bh)_mm512_loadu_si512(panel + p * 16);
        _Pragma("clang loop unroll(full)") for (size_t r = 0; r < rows; r++) {
            __m512bh value = (__m512bh)_mm512_set1_epi32((int)x[r * ldx + i]);
            _Pragma("clang loop unroll(full)") for (size_t p = 0; p < 4; p++)
                sums[r][p] = _mm512_dpbf16_ps(sums[r][p], value, factor[p]);
        }
    }
    _Pragma("clang loop unroll(full)") for (size_t r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (size_t p = 0; p < 4; p++) {
            float *place = out + r * ldo + p * 16;
            _mm512_storeu_ps(place, adds ? _mm512_add_ps(_mm512_loadu_ps(place), sums[r][p]) : sums[r][p]);
        }
}

FAST static void fast_product(const uint32_t *x, size_t ldx, size_t m, size_t pairs, const uint32_t *panel, float *out,
                              size_t ldo, int adds) {
    for (; m >= PAIR_ROWS; m -= PAIR_ROWS, x += PAIR_ROWS * ldx, out += PAIR_ROWS * ldo)
        fast_rows(PAIR_ROWS, x, ldx, pairs, panel, out, ldo, adds);
    switch (m) {
    case 5: return fast_rows(5, x, ldx, pairs, panel, out, ldo, adds);
    case 4: return fast_rows(4, x, ldx, pairs, panel, out, ldo, adds);
    case 3: return fast_rows(3, x, ldx, pairs, panel, out, ldo, adds);
    case 2: return fast_rows(2, x, ldx, pairs, panel, out, ldo, adds);
    case 1: return fast_rows(1, x, ldx, pairs, panel, out, ldo, adds);
    default: return;
    }
}
#endif

// Numbers below the normal ones count as 0 before and after each operation, as in the instruction, until the mode is set
// back. Where no such mode is known they are kept.
#if AVK_X86
INLINE uint64_t flush_subnormals(void) {
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);
    return mode;
}
INLINE void set_mode(uint64_t mode) { _mm_setcsr((unsigned)mode); }
#elif defined(__aarch64__)
INLINE uint64_t flush_subnormals(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode)::"memory");
    __asm__ volatile("msr fpcr, %0" ::"r"(mode | 1u << 24) : "memory");
    return mode;
}
INLINE void set_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode) : "memory"); }
#else
INLINE uint64_t flush_subnormals(void) { return 0; }
INLINE void set_mode(uint64_t mode) { (void)mode; }
#endif

// Never inlined, as several versions never are, lest operations leave the mode they are in.
#if defined(__aarch64__)
#define APART __attribute__((noinline))
#else
#define APART MULTIVERSION
#endif

// out[64] = x[2 pairs] · panel: as many sums as registers of most machines hold.
APART static void plain_row(const uint32_t *x, size_t pairs, const uint32_t *panel, float *out) {
    float sums[PAIR_COLUMNS] = {0};
    for (size_t i = 0; i < pairs; i++, panel += PAIR_COLUMNS) {
        float first = float_of_bits(x[i] << 16), second = float_of_bits(x[i] & 0xFFFF0000u);
        for (size_t c = 0; c < PAIR_COLUMNS; c++) {
            sums[c] += second * float_of_bits(panel[c] & 0xFFFF0000u);
            sums[c] += first * float_of_bits(panel[c] << 16);
        }
    }
    memcpy(out, sums, sizeof(sums));
}

static void plain_product(const uint32_t *x, size_t ldx, size_t m, size_t pairs, const uint32_t *panel, float *out,
                          size_t ldo, int adds) {
    for (size_t r = 0; r < m; r++, x += ldx, out += ldo) {
        float sums[PAIR_COLUMNS];
        uint64_t mode = flush_subnormals();
        plain_row(x, pairs, panel, sums);
        set_mode(mode);
        for (size_t c = 0; c < PAIR_COLUMNS; c++) out[c] = adds ? out[c] + sums[c] : sums[c];
    }
}

// There only in programs that count products.
__attribute__((weak)) void avk_count_product(size_t m, size_t n, size_t k);

typedef void (*pair_product)(const uint32_t *, size_t, size_t, size_t, const uint32_t *, float *, size_t, int);

static void multiply_pairs(pair_product product, const uint32_t *x, size_t ldx, size_t m, size_t pairs, const uint32_t *panel,
                        float *out, size_t ldo, size_t n, int adds) {
    if (n == PAIR_COLUMNS) return product(x, ldx, m, pairs, panel, out, ldo, adds);
    float edge[PAIR_ROWS * PAIR_COLUMNS];
    for (size_t start = 0; start < m; start += PAIR_ROWS) {
        size_t rows = m - start < PAIR_ROWS ? m - start : PAIR_ROWS;
        memset(edge, 0, sizeof(edge));
        for (size_t r = 0; r < rows; r++) memcpy(edge + r * PAIR_COLUMNS, out + (start + r) * ldo, n * sizeof(float));
        product(x + start * ldx, ldx, rows, pairs, panel, edge, PAIR_COLUMNS, adds);
        for (size_t r = 0; r < rows; r++) memcpy(out + (start + r) * ldo, edge + r * PAIR_COLUMNS, n * sizeof(float));
    }
}

void avk_pair_product_plain(const void *x, size_t ldx, size_t m, size_t pairs, const void *panel, float *out, size_t ldo,
                            size_t n, int adds) {
    multiply_pairs(plain_product, x, ldx, m, pairs, panel, out, ldo, n, adds);
}

void avk_pair_product(const void *x, size_t ldx, size_t m, size_t pairs, const void *panel, float *out, size_t ldo,
                      size_t n, int adds) {
    if (avk_count_product) avk_count_product(m, n, 2 * pairs);
#if AVK_X86
    if (avk_has_bfloat16()) return multiply_pairs(fast_product, x, ldx, m, pairs, panel, out, ldo, n, adds);
#endif
    multiply_pairs(plain_product, x, ldx, m, pairs, panel, out, ldo, n, adds);
}
