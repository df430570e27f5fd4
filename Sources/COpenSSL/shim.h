// OpenSSL's libcrypto (Debian: libssl-dev). Only the message digests are used.
#include <openssl/evp.h>
