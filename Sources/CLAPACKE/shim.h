// The C interface of LAPACK (Debian: liblapacke-dev). Only the real single precision routines are used.
#include <lapacke.h>
