#ifndef CCHARACTERWIDTHS_H
#define CCHARACTERWIDTHS_H

#include <stdint.h>

/// Terminal columns of a Unicode scalar by the C library's wcwidth, which Swift's Glibc module does not show; 1 for one
/// that the library does not know.
int ccw_columns(uint32_t scalar);

#endif
