#include "CCallCounts.h"

#include <dlfcn.h>
#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_uint_fast64_t allocations, allocated_bytes, products, product_flops, factorizations;

static void add(atomic_uint_fast64_t *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void allocated(size_t bytes) {
    add(&allocations, 1);
    add(&allocated_bytes, bytes);
}

acc_counts acc_read(void) {
    return (acc_counts){allocations, allocated_bytes, products, product_flops, factorizations};
}

void *malloc(size_t n) {
    allocated(n);
    return __libc_malloc(n);
}

void *calloc(size_t count, size_t n) {
    allocated(count * n);
    return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n) {
    allocated(n);
    return __libc_realloc(p, n);
}

void *memalign(size_t alignment, size_t n) {
    allocated(n);
    return __libc_memalign(alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n) { return memalign(alignment, n); }

int posix_memalign(void **p, size_t alignment, size_t n) {
    void *q = memalign(alignment, n);
    if (!q) return ENOMEM;
    *p = q;
    return 0;
}

// The next definition of a function in the order of the loaded libraries. A missing one would be our mistake.
static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
    static void *_Atomic real;
    if (!real) real = next("cblas_sgemm");
    add(&products, 1);
    add(&product_flops, 2ULL * (uint64_t)m * (uint64_t)n * (uint64_t)k);
    ((void (*)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int))real)(
        order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// out[M, N] += x[M, K] · weight[K, N]; anything else that oneDNN runs is not a product.
static void count_matmul(const_dnnl_primitive_t primitive) {
    const_dnnl_primitive_desc_t description;
    dnnl_primitive_kind_t kind;
    if (dnnl_primitive_get_primitive_desc(primitive, &description) != dnnl_success ||
        dnnl_primitive_desc_query(description, dnnl_query_primitive_kind, 0, &kind) != dnnl_success)
        abort();
    if (kind != dnnl_matmul) return;
    const dnnl_memory_desc_t *x = dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
    const dnnl_memory_desc_t *out = dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0);
    add(&products, 1);
    add(&product_flops, 2ULL * (uint64_t)x->dims[0] * (uint64_t)x->dims[1] * (uint64_t)out->dims[1]);
}

dnnl_status_t dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int count,
                                     const dnnl_exec_arg_t *arguments) {
    static void *_Atomic real;
    if (!real) real = next("dnnl_primitive_execute");
    count_matmul(primitive);
    return ((dnnl_status_t (*)(const_dnnl_primitive_t, dnnl_stream_t, int, const dnnl_exec_arg_t *))real)(
        primitive, stream, count, arguments);
}

// Products by panels, which CVectorKernels tells of where somebody listens.
void avk_count_product(size_t m, size_t n, size_t k) {
    add(&products, 1);
    add(&product_flops, 2ULL * m * n * k);
}

int LAPACKE_sgeqrf(int layout, int m, int n, float *a, int lda, float *tau) {
    static void *_Atomic real;
    if (!real) real = next("LAPACKE_sgeqrf");
    add(&factorizations, 1);
    return ((int (*)(int, int, int, float *, int, float *))real)(layout, m, n, a, lda, tau);
}

int LAPACKE_sgesdd(int layout, char job, int m, int n, float *a, int lda, float *s, float *u, int ldu, float *vt,
                   int ldvt) {
    static void *_Atomic real;
    if (!real) real = next("LAPACKE_sgesdd");
    add(&factorizations, 1);
    return ((int (*)(int, char, int, int, float *, int, float *, float *, int, float *, int))real)(
        layout, job, m, n, a, lda, s, u, ldu, vt, ldvt);
}
