// What the loops of several files share.
#pragma once

#include <stdint.h>
#include <string.h>

// ADALORA_PORTABLE_KERNELS leaves plain C alone, as CPUs other than x86-64 compile it: no instruction is named anywhere.
#if defined(__x86_64__) && !defined(ADALORA_PORTABLE_KERNELS)
#define AVK_X86 1
#else
#define AVK_X86 0
#endif

// The same C loop, compiled for several instruction sets; the loader's ifunc resolver picks one. Without
// this, Swift packages get SSE2 code only (unsafeFlags would bar them from being dependencies).
#if AVK_X86 && defined(__linux__)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif
#define INLINE static inline __attribute__((always_inline))

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

// tanh: an odd polynomial below 0.625 (Cephes' tanhf), 1 - 2 / (exp(2 |x|) + 1) from there on. NaN stays NaN.
INLINE float tanh_one(float x) {
    float magnitude = x < 0.0f ? -x : x;
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    float far = 1.0f - 2.0f / (exp_one(2.0f * magnitude) + 1.0f);
    far = x < 0.0f ? -far : far;
    return magnitude < 0.625f ? near : far;
}
