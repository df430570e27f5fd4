// Half precision and the bits of numbers.
#pragma once

#include "inline.h"

INLINE float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
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

INLINE uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

// Rounded to nearest, ties to even; beyond 65,520 infinity. NaN becomes that of the upper mantissa bit alone.
INLINE uint16_t half_of_float(float value) {
    uint32_t bits = bits_of_float(value), magnitude = bits & 0x7FFFFFFFu;
    // Down to 2^-14: the exponent's bias changed, 13 bits rounded off; a carry goes into the exponent.
    uint32_t normal = (magnitude - (112u << 23) + 0xFFFu + (magnitude >> 13 & 1)) >> 13;
    // Below: added to 1/2, whose last place is 2^-24, the unit of half precision there.
    uint32_t subnormal = bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3F000000u;
    uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
    half = magnitude >= 0x477FF000u ? 0x7C00u : half;
    half = magnitude > 0x7F800000u ? 0x7E00u : half;
    return (uint16_t)(half | (bits >> 16 & 0x8000u));
}

// To the nearest whole number, halves away from zero; 0 for what is none of a signed byte. The difference from
// the whole part is exact.
INLINE int32_t whole_away_from_zero(float value) {
    float magnitude = value < 0 ? -value : value;
    int32_t whole = magnitude < 128 ? (int32_t)magnitude : 0;
    whole += magnitude < 128 && magnitude - (float)whole >= 0.5f;
    return value < 0 ? -whole : whole;
}
