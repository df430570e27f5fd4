// Counts calls of the allocator, of cblas_sgemm, of oneDNN and of LAPACKE in the process that links this: its definitions come
// before those of the shared libraries, and pass each call on.
#ifndef ADALORA_CALL_COUNTS_H
#define ADALORA_CALL_COUNTS_H

#include <stdint.h>

typedef struct {
    uint64_t allocations;      // calls of malloc, calloc, realloc and the aligned ones
    uint64_t allocated_bytes;  // what they asked for
    uint64_t products;         // calls of cblas_sgemm and of oneDNN's matmul
    uint64_t product_flops;    // 2 M N K each
    uint64_t factorizations;   // QR and SVD calls of LAPACKE
} acc_counts;

// Since the process began; all threads together.
acc_counts acc_read(void);

#endif
