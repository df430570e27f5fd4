#include "CVectorKernels.h"
#include "inline.h"
#include "half.h"

// ggml's quantised blocks to Float32. Layouts: ggml-common.h and the dequantize_row functions of ggml-quants.c.
//
// A scale has 11 significant bits, that of a group and a quantised value have at most 13 together: their product is exact in
// the 24 of a Float32. So a weight is rounded once, where a minimum is added, whether the compiler fuses both or not.

INLINE float half_at(const uint8_t *bytes) {
    uint16_t half;
    memcpy(&half, bytes, 2);
    return float_of_half(half);
}

// 16 bytes of nibbles: the low ones are weights 0 to 15, the high ones 16 to 31.
MULTIVERSION void avk_from_q4_0(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 18, out += 32) {
        float scale = half_at(block);
        for (size_t i = 0; i < 16; i++) {
            out[i] = scale * (float)((int32_t)(block[2 + i] & 15) - 8);
            out[16 + i] = scale * (float)((int32_t)(block[2 + i] >> 4) - 8);
        }
    }
}

MULTIVERSION void avk_from_q4_1(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 20, out += 32) {
        float scale = half_at(block), least = half_at(block + 2);
        for (size_t i = 0; i < 16; i++) {
            out[i] = scale * (float)(int32_t)(block[4 + i] & 15) + least;
            out[16 + i] = scale * (float)(int32_t)(block[4 + i] >> 4) + least;
        }
    }
}

// The fifth bits of 32 weights are those of a 32-bit integer.
INLINE void five_bits(const uint8_t *restrict high, const uint8_t *restrict low, int32_t *restrict values) {
    uint32_t bits;
    memcpy(&bits, high, 4);
    for (uint32_t i = 0; i < 16; i++) {
        values[i] = (int32_t)((uint32_t)(low[i] & 15) | ((bits >> i & 1) << 4));
        values[16 + i] = (int32_t)((uint32_t)(low[i] >> 4) | ((bits >> (16 + i) & 1) << 4));
    }
}

MULTIVERSION void avk_from_q5_0(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 22, out += 32) {
        float scale = half_at(block);
        int32_t values[32];
        five_bits(block + 2, block + 6, values);
        for (size_t i = 0; i < 32; i++) out[i] = scale * (float)(values[i] - 16);
    }
}

MULTIVERSION void avk_from_q5_1(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 24, out += 32) {
        float scale = half_at(block), least = half_at(block + 2);
        int32_t values[32];
        five_bits(block + 4, block + 8, values);
        for (size_t i = 0; i < 32; i++) out[i] = scale * (float)values[i] + least;
    }
}

// -127, -104, -83, -65 | -49, -35, -22, -10 | 1, 13, 25, 38 | 53, 69, 89, 113: the values of the 16 codes, four bytes to a
// word. Out of a table in memory vectors take them one by one.
INLINE float nonlinear(uint32_t code) {
    uint32_t low = code & 4 ? 0xF6EADDCFu : 0xBFAD9881u;
    uint32_t high = code & 4 ? 0x71594535u : 0x26190D01u;
    uint32_t word = code & 8 ? high : low;
    return (float)((int32_t)(word << (24 - 8 * (code & 3))) >> 24);
}

INLINE void nonlinear_weights(float scale, const uint8_t *restrict codes, float *restrict out) {
    for (size_t i = 0; i < 16; i++) {
        out[i] = scale * nonlinear(codes[i] & 15);
        out[16 + i] = scale * nonlinear(codes[i] >> 4);
    }
}

MULTIVERSION void avk_from_iq4_nl(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 18, out += 32) nonlinear_weights(half_at(block), block + 2, out);
}

// 256 weights: scale, 16 bits with the upper two of each group's scale, 4 bytes with its lower four, codes.
MULTIVERSION void avk_from_iq4_xs(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 136) {
        float scale = half_at(block);
        uint32_t high = (uint32_t)block[2] | (uint32_t)block[3] << 8;
        for (uint32_t group = 0; group < 8; group++, out += 32) {
            uint32_t low = block[4 + group / 2] >> 4 * (group % 2) & 15;
            int32_t own = (int32_t)(low | (high >> 2 * group & 3) << 4) - 32;
            nonlinear_weights(scale * (float)own, block + 8 + 16 * group, out);
        }
    }
}

// Twice the value of a code of sign, two bits of exponent and one of mantissa: 0, 1, 2, 3, 4, 6, 8, 12 and their negatives.
INLINE float doubled_e2m1(uint32_t code) {
    uint32_t exponent = code >> 1 & 3, mantissa = code & 1;
    int32_t magnitude = (int32_t)(exponent == 0 ? mantissa : ((2 | mantissa) << exponent) >> 1);
    return (float)(code & 8 ? -magnitude : magnitude);
}

// The scale is 2^(e - 127), of which half is taken since values are doubled; 2^-128 and 2^-127 are subnormal, 255 is NaN.
MULTIVERSION void avk_from_mxfp4(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 17, out += 32) {
        uint32_t exponent = block[0];
        uint32_t bits = exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23;
        float scale = float_of_bits(exponent == 255 ? 0x7FC00000u : bits);
        for (size_t i = 0; i < 16; i++) {
            out[i] = scale * doubled_e2m1(block[1 + i] & 15);
            out[16 + i] = scale * doubled_e2m1(block[1 + i] >> 4);
        }
    }
}

// 256 weights in 16 groups: scales (low nibble) and minima (high nibble), then pairs of bits, scale and scale of minima. Each
// half's 32 bytes of pairs hold four runs of 32 weights, which are two groups.
MULTIVERSION void avk_from_q2_k(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 84) {
        float scale = half_at(block + 80), leastScale = half_at(block + 82);
        for (uint32_t run = 0; run < 8; run++, out += 32) {
            const uint8_t *pairs = block + 16 + 32 * (run / 4);
            uint32_t places = 2 * (run % 4), first = block[2 * run], second = block[2 * run + 1];
            float own[2] = {scale * (float)(int32_t)(first & 15), scale * (float)(int32_t)(second & 15)};
            float least[2] = {leastScale * (float)(int32_t)(first >> 4), leastScale * (float)(int32_t)(second >> 4)};
            for (size_t i = 0; i < 16; i++) {
                out[i] = own[0] * (float)(int32_t)((uint32_t)pairs[i] >> places & 3) - least[0];
                out[16 + i] = own[1] * (float)(int32_t)((uint32_t)pairs[16 + i] >> places & 3) - least[1];
            }
        }
    }
}

// Without the third bit 4 is taken off.
INLINE float three_bits(uint32_t pairs, uint32_t places, uint32_t thirds, uint32_t bit) {
    return (float)((int32_t)((pairs >> places & 3) | (thirds >> bit & 1) << 2) - 4);
}

// 256 weights in 16 groups: 32 bytes of third bits, pairs of bits as above, 12 bytes of scales of 6 bits, scale.
MULTIVERSION void avk_from_q3_k(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 110) {
        float scale = half_at(block + 108), own[16];
        const uint8_t *scales = block + 96;
        for (uint32_t group = 0; group < 16; group++) {
            uint32_t low = scales[group % 8] >> 4 * (group / 8) & 15;
            uint32_t high = scales[8 + group % 4] >> 2 * (group / 4) & 3;
            own[group] = scale * (float)((int32_t)(low | high << 4) - 32);
        }
        for (uint32_t run = 0; run < 8; run++, out += 32) {
            const uint8_t *pairs = block + 32 + 32 * (run / 4);
            uint32_t places = 2 * (run % 4);
            for (size_t i = 0; i < 16; i++) {
                out[i] = own[2 * run] * three_bits(pairs[i], places, block[i], run);
                out[16 + i] = own[2 * run + 1] * three_bits(pairs[16 + i], places, block[16 + i], run);
            }
        }
    }
}

// Scale and minimum, of 6 bits each, of one of the 8 groups of 32: 12 bytes.
INLINE void scale_and_least(const uint8_t *packed, uint32_t group, int32_t *scale, int32_t *least) {
    if (group < 4) {
        *scale = packed[group] & 63;
        *least = packed[group + 4] & 63;
    } else {
        *scale = (packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4;
        *least = packed[group + 4] >> 4 | (packed[group] >> 6) << 4;
    }
}

// 256 weights: scale, scale of minima, 12 bytes of both by group, then 32 bytes for each two groups, nibble by nibble.
MULTIVERSION void avk_from_q4_k(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 144) {
        float scale = half_at(block), leastScale = half_at(block + 2);
        for (uint32_t group = 0; group < 8; group++, out += 32) {
            int32_t own, ownLeast;
            scale_and_least(block + 4, group, &own, &ownLeast);
            float d = scale * (float)own, least = leastScale * (float)ownLeast;
            const uint8_t *nibbles = block + 16 + 32 * (group / 2);
            uint32_t places = 4 * (group % 2);
            for (size_t i = 0; i < 32; i++)
                out[i] = d * (float)(int32_t)((uint32_t)nibbles[i] >> places & 15) - least;
        }
    }
}

// The same with fifth bits between scales and nibbles: bit g of byte i is that of weight i of group g.
MULTIVERSION void avk_from_q5_k(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 176) {
        float scale = half_at(block), leastScale = half_at(block + 2);
        for (uint32_t group = 0; group < 8; group++, out += 32) {
            int32_t own, ownLeast;
            scale_and_least(block + 4, group, &own, &ownLeast);
            float d = scale * (float)own, least = leastScale * (float)ownLeast;
            const uint8_t *nibbles = block + 48 + 32 * (group / 2), *fifths = block + 16;
            uint32_t places = 4 * (group % 2);
            for (size_t i = 0; i < 32; i++) {
                uint32_t value = ((uint32_t)nibbles[i] >> places & 15) | ((uint32_t)fifths[i] >> group & 1) << 4;
                out[i] = d * (float)(int32_t)value - least;
            }
        }
    }
}

INLINE float six_bits(uint32_t low, uint32_t lowPlaces, uint32_t high, uint32_t highPlaces) {
    return (float)((int32_t)((low >> lowPlaces & 15) | (high >> highPlaces & 3) << 4) - 32);
}

// 256 weights in 16 groups: 128 bytes of the lower four bits, 64 of the upper two, 16 signed scales, scale. Each half's runs
// of 32 weights are the low nibbles of 64 bytes, then the high ones; the upper bits lie as pairs above.
MULTIVERSION void avk_from_q6_k(const void *in, float *restrict out, size_t blocks) {
    const uint8_t *block = in;
    for (size_t b = 0; b < blocks; b++, block += 210) {
        float scale = half_at(block + 208);
        for (uint32_t run = 0; run < 8; run++, out += 32) {
            uint32_t half = run / 4, place = run % 4;
            const uint8_t *low = block + 64 * half + 32 * (place % 2), *high = block + 128 + 32 * half;
            const int8_t *scales = (const int8_t *)block + 192 + 2 * run;
            uint32_t lowPlaces = 4 * (place / 2), highPlaces = 2 * place;
            float own[2] = {scale * (float)scales[0], scale * (float)scales[1]};
            for (size_t i = 0; i < 16; i++) {
                out[i] = own[0] * six_bits(low[i], lowPlaces, high[i], highPlaces);
                out[16 + i] = own[1] * six_bits(low[16 + i], lowPlaces, high[16 + i], highPlaces);
            }
        }
    }
}
