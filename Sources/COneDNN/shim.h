// oneDNN's C interface (Debian: libdnnl-dev, version 2).
#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR != 2
#error "this package is written for oneDNN 2 (Debian 12: libdnnl-dev 2.6)"
#endif

// Of the OpenMP runtime oneDNN is built with, whose header compilers keep in places of their own: how many threads
// products that are called from this thread may use.
void omp_set_num_threads(int count);
