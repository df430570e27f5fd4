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
