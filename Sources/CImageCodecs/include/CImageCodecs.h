#ifndef C_IMAGE_CODECS_H
#define C_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

// Pixels of JPEG, PNG and WebP files by libjpeg-turbo, libpng and libwebp. The first two leave a failing function by longjmp,
// which Swift must never see: here each is a function that returns a status, and the library's own words for it.

typedef enum {
    AIC_OK = 0,
    AIC_DAMAGED,
    // The file ends before the image does.
    AIC_CUT_OFF,
    // Sound, but of a kind that is not read.
    AIC_UNSUPPORTED,
    AIC_NO_MEMORY,
} aic_status;

#define AIC_MESSAGE_LENGTH 256

typedef struct {
    uint32_t width, height;
    // Samples of a pixel as they are stored: 1 for grey and for palettes
    int channels;
    // Bits of such a sample
    int depth;
    int has_palette;
    int is_animated;
} aic_header;

// Each takes a whole file. The header is read without anything of the pixels. `rgb` gets [height, width, 3], rows from the top,
// alpha dropped; its `room` is 3 · width · height of the header. `message` has AIC_MESSAGE_LENGTH bytes.

aic_status aic_jpeg_header(const uint8_t *bytes, size_t count, aic_header *header, char *message);
aic_status aic_jpeg_rgb(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t room, char *message);

aic_status aic_png_header(const uint8_t *bytes, size_t count, aic_header *header, char *message);
aic_status aic_png_rgb(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t room, char *message);

aic_status aic_webp_header(const uint8_t *bytes, size_t count, aic_header *header, char *message);
aic_status aic_webp_rgb(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t room, char *message);

// `2.1.5`; each has room for AIC_MESSAGE_LENGTH bytes.
void aic_jpeg_version(char *text);
void aic_png_version(char *text);
void aic_webp_version(char *text);

#endif
