// zlib's own header (Debian: zlib1g-dev).
#include <zlib.h>
