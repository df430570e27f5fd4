#include "CImageCodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

typedef struct {
    const uint8_t *bytes;
    size_t left;
    jmp_buf place;
    aic_status status;
    char *message;
} reading;

static void leave(png_structp png, png_const_charp text) {
    reading *own = png_get_error_ptr(png);
    snprintf(own->message, AIC_MESSAGE_LENGTH, "%s", text);
    if (own->status == AIC_OK) own->status = AIC_DAMAGED;
    longjmp(own->place, 1);
}

// Of what libpng warns the pixels are right: the chunks that say something else are read elsewhere.
static void warn(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void take(png_structp png, png_bytep target, size_t count) {
    reading *own = png_get_io_ptr(png);
    if (count > own->left) {
        own->status = AIC_CUT_OFF;
        png_error(png, "the file ends within a chunk");
    }
    memcpy(target, own->bytes, count);
    own->bytes += count;
    own->left -= count;
}

// NULL, and a message, where there is no memory.
static png_structp start(reading *own, png_infop *info, const uint8_t *bytes, size_t count, char *message) {
    memset(own, 0, sizeof *own);
    message[0] = 0;
    own->bytes = bytes;
    own->left = count;
    own->message = message;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, own, leave, warn);
    *info = png ? png_create_info_struct(png) : NULL;
    if (!*info) {
        png_destroy_read_struct(&png, NULL, NULL);
        snprintf(message, AIC_MESSAGE_LENGTH, "no memory");
        return NULL;
    }
    return png;
}

// What may fail needs a place to go back to: only after setjmp.
static void read_info(png_structp png, png_infop info, reading *own) {
    png_set_read_fn(png, own, take);
    png_set_user_limits(png, 1000000, 1000000);
    // Colour profiles, texts and the like are not looked at: no packed text can fill the memory.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, info);
}

aic_status aic_png_header(const uint8_t *bytes, size_t count, aic_header *header, char *message) {
    reading own;
    png_infop info;
    png_structp png = start(&own, &info, bytes, count, message);
    if (!png) return AIC_NO_MEMORY;
    if (setjmp(own.place)) {
        png_destroy_read_struct(&png, &info, NULL);
        return own.status;
    }
    read_info(png, info, &own);
    int has_palette = png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE;
    *header = (aic_header){png_get_image_width(png, info), png_get_image_height(png, info), png_get_channels(png, info),
                           png_get_bit_depth(png, info), has_palette, 0};
    png_destroy_read_struct(&png, &info, NULL);
    return AIC_OK;
}

// Indices stand in the last third of `rgb`, which their colours fill from its start: no colour is written over an index that is
// still to be read. Returns whether each index has a colour.
static int paint(uint8_t *rgb, size_t pixels, const png_color *colors, int count) {
    const uint8_t *indices = rgb + 2 * pixels;
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        int index = indices[pixel];
        if (index >= count) return 0;
        rgb[3 * pixel] = colors[index].red;
        rgb[3 * pixel + 1] = colors[index].green;
        rgb[3 * pixel + 2] = colors[index].blue;
    }
    return 1;
}

aic_status aic_png_rgb(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t room, char *message) {
    reading own;
    png_infop info;
    png_structp png = start(&own, &info, bytes, count, message);
    if (!png) return AIC_NO_MEMORY;
    if (setjmp(own.place)) {
        png_destroy_read_struct(&png, &info, NULL);
        return own.status;
    }
    read_info(png, info, &own);
    size_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    int color = png_get_color_type(png, info), has_palette = color == PNG_COLOR_TYPE_PALETTE;
    if (room != 3 * width * height) png_error(png, "wrong size of the buffer");
    png_colorp colors = NULL;
    int color_count = 0;
    if (has_palette) {
        png_set_packing(png);
        png_get_PLTE(png, info, &colors, &color_count);
    } else {
        if (png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
        // The higher byte, as PIL takes it.
        if (png_get_bit_depth(png, info) == 16) png_set_strip_16(png);
        if (color & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
        if (!(color & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    }
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t stride = has_palette ? width : 3 * width;
    if (png_get_rowbytes(png, info) != stride) png_error(png, "rows of another length than its header says");
    uint8_t *first = has_palette ? rgb + 2 * width * height : rgb;
    for (int pass = 0; pass < passes; pass++) {
        for (size_t y = 0; y < height; y++) png_read_row(png, first + y * stride, NULL);
    }
    png_read_end(png, NULL);
    if (has_palette && !paint(rgb, width * height, colors, color_count)) {
        png_error(png, "a pixel has a colour that is not in the palette");
    }
    png_destroy_read_struct(&png, &info, NULL);
    return AIC_OK;
}

void aic_png_version(char *text) { snprintf(text, AIC_MESSAGE_LENGTH, "%s", png_get_libpng_ver(NULL)); }
