#include "CVectorKernels.h"
#include "inline.h"

// Products with a matrix that is laid out as it is read: panels of W columns, row after row. A panel of some hundred rows
// stays in the second cache while all rows of x go through it, six at a time, whose sums stay in registers.

enum { PANEL_ROWS = 6 };

// W: 64 where 24 sums of 16 floats fit 32 registers, 16 where 12 of 8 fit 16; 8 elsewhere.
size_t avk_panel_columns(void) {
    switch (avk_kernel_level()) {
    case 4: return 64;
    case 3: return 16;
    default: return 8;
    }
}

// out[rows, PARTS · LANES] = x[rows, k] · panel, or is added to; `rows` is a constant where this is inlined.
#define PANEL_PRODUCT(NAME, LANES, PARTS)                                                                    \
    INLINE void NAME##_rows(const size_t rows, const float *x, size_t ldx, size_t k, const float *panel,     \
                            float *out, size_t ldo, int adds) {                                              \
        typedef float vector __attribute__((vector_size(LANES * 4), aligned(4)));                            \
        vector sums[PANEL_ROWS][PARTS];                                                                      \
        _Pragma("clang loop unroll(full)") for (size_t r = 0; r < rows; r++)                                 \
            _Pragma("clang loop unroll(full)") for (size_t p = 0; p < PARTS; p++) {                          \
                sums[r][p] = (vector){0};                                                                    \
                __builtin_prefetch(out + r * ldo + p * LANES, 1);                                            \
            }                                                                                                \
        for (size_t i = 0; i < k; i++, panel += PARTS * LANES) {                                             \
            vector factor[PARTS];                                                                            \
            _Pragma("clang loop unroll(full)") for (size_t p = 0; p < PARTS; p++)                            \
                factor[p] = *(const vector *)(panel + p * LANES);                                            \
            _Pragma("clang loop unroll(full)") for (size_t r = 0; r < rows; r++) {                           \
                float value = x[r * ldx + i];                                                                \
                _Pragma("clang loop unroll(full)") for (size_t p = 0; p < PARTS; p++)                        \
                    sums[r][p] += value * factor[p];                                                         \
            }                                                                                                \
        }                                                                                                    \
        _Pragma("clang loop unroll(full)") for (size_t r = 0; r < rows; r++)                                 \
            _Pragma("clang loop unroll(full)") for (size_t p = 0; p < PARTS; p++) {                          \
                vector *place = (vector *)(out + r * ldo + p * LANES);                                       \
                *place = (adds ? *place : (vector){0}) + sums[r][p];                                         \
            }                                                                                                \
    }                                                                                                        \
    INLINE void NAME##_all(const float *x, size_t ldx, size_t m, size_t k, const float *panel, float *out,   \
                           size_t ldo, int adds) {                                                           \
        for (; m >= PANEL_ROWS; m -= PANEL_ROWS, x += PANEL_ROWS * ldx, out += PANEL_ROWS * ldo)             \
            NAME##_rows(PANEL_ROWS, x, ldx, k, panel, out, ldo, adds);                                       \
        switch (m) {                                                                                         \
        case 5: return NAME##_rows(5, x, ldx, k, panel, out, ldo, adds);                                     \
        case 4: return NAME##_rows(4, x, ldx, k, panel, out, ldo, adds);                                     \
        case 3: return NAME##_rows(3, x, ldx, k, panel, out, ldo, adds);                                     \
        case 2: return NAME##_rows(2, x, ldx, k, panel, out, ldo, adds);                                     \
        case 1: return NAME##_rows(1, x, ldx, k, panel, out, ldo, adds);                                     \
        default: return;                                                                                     \
        }                                                                                                    \
    }

PANEL_PRODUCT(narrow, 4, 2)

#if AVK_X86
PANEL_PRODUCT(wide, 16, 4)
PANEL_PRODUCT(middle, 8, 2)

__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void panel_product_4(const float *x, size_t ldx, size_t m, size_t k,
                                                                      const float *panel, float *out, size_t ldo, int adds) {
    wide_all(x, ldx, m, k, panel, out, ldo, adds);
}
__attribute__((target("arch=x86-64-v3"))) static void panel_product_3(const float *x, size_t ldx, size_t m, size_t k,
                                                                      const float *panel, float *out, size_t ldo, int adds) {
    middle_all(x, ldx, m, k, panel, out, ldo, adds);
}
#endif

static void panel_product(const float *x, size_t ldx, size_t m, size_t k, const float *panel, float *out, size_t ldo, int adds) {
#if AVK_X86
    switch (avk_panel_columns()) {
    case 64: return panel_product_4(x, ldx, m, k, panel, out, ldo, adds);
    case 16: return panel_product_3(x, ldx, m, k, panel, out, ldo, adds);
    default: break;
    }
#endif
    narrow_all(x, ldx, m, k, panel, out, ldo, adds);
}

// There only in programs that count products.
__attribute__((weak)) void avk_count_product(size_t m, size_t n, size_t k);

void avk_panel_product(const float *x, size_t ldx, size_t m, size_t k, const float *panel, float *out, size_t ldo,
                       size_t n, int adds) {
    if (avk_count_product) avk_count_product(m, n, k);
    size_t width = avk_panel_columns();
    if (n == width) return panel_product(x, ldx, m, k, panel, out, ldo, adds);
    float edge[PANEL_ROWS * 64];
    for (size_t start = 0; start < m; start += PANEL_ROWS) {
        size_t rows = m - start < PANEL_ROWS ? m - start : PANEL_ROWS;
        for (size_t r = 0; r < rows; r++) {
            memset(edge + r * width, 0, width * sizeof(float));
            if (adds) memcpy(edge + r * width, out + (start + r) * ldo, n * sizeof(float));
        }
        panel_product(x + start * ldx, ldx, rows, k, panel, edge, width, 1);
        for (size_t r = 0; r < rows; r++) memcpy(out + (start + r) * ldo, edge + r * width, n * sizeof(float));
    }
}

typedef float lanes __attribute__((vector_size(64), aligned(4)));

// Rows i and i + s of 16 exchange the lanes in which the other bit of weight s stands: after s = 1, 2, 4, 8 columns are rows.
#define EXCHANGE(S, LOW, HIGH)                                                                               \
    _Pragma("clang loop unroll(full)") for (size_t i = 0; i < 16; i++) {                                     \
        if (i & S) continue;                                                                                 \
        lanes a = rows[i], b = rows[i + S];                                                                  \
        rows[i] = __builtin_shufflevector(a, b, LOW);                                                        \
        rows[i + S] = __builtin_shufflevector(a, b, HIGH);                                                   \
    }
#define LOW1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define LOW2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31

MULTIVERSION __attribute__((min_vector_width(512))) void avk_transpose(const float *in, size_t ldi, size_t m, size_t k, float *out, size_t ldo) {
    size_t blocks = m == 16 ? k / 16 * 16 : 0;
    for (size_t start = 0; start < blocks; start += 16) {
        lanes rows[16];
        for (size_t i = 0; i < 16; i++) rows[i] = *(const lanes *)(in + i * ldi + start);
        EXCHANGE(1, LOW1, HIGH1)
        EXCHANGE(2, LOW2, HIGH2)
        EXCHANGE(4, LOW4, HIGH4)
        EXCHANGE(8, LOW8, HIGH8)
        for (size_t i = 0; i < 16; i++) *(lanes *)(out + (start + i) * ldo) = rows[i];
    }
    for (size_t r = 0; r < m; r++)
        for (size_t i = blocks; i < k; i++) out[i * ldo + r] = in[r * ldi + i];
}

// Rows [m, n] into panels of `depth` rows each, at row `first` of them.
void avk_into_panels(const float *in, size_t m, size_t n, float *panels, size_t depth, size_t first) {
    size_t width = avk_panel_columns();
    for (size_t r = 0; r < m; r++, in += n)
        for (size_t start = 0; start < n; start += width)
            memcpy(panels + start * depth + (first + r) * width, in + start,
                   (n - start < width ? n - start : width) * sizeof(float));
}

void avk_copy_columns(const float *in, size_t ldi, size_t m, size_t n, float *out) {
    for (size_t r = 0; r < m; r++) memcpy(out + r * n, in + r * ldi, n * sizeof(float));
}
