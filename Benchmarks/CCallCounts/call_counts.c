#include "CCallCounts.h"

#include <dlfcn.h>
#include <errno.h>
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
