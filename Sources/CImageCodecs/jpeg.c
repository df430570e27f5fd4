#include "CImageCodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

// A progressive file may ask for as many passes over all its pixels as it has bytes to spell them.
enum { MOST_SCANS = 500 };

typedef struct {
    struct jpeg_error_mgr base;
    struct jpeg_progress_mgr progress;
    jmp_buf place;
    aic_status status;
    char *message;
} failure;

static aic_status status_of(int code) {
    switch (code) {
    case JWRN_JPEG_EOF:
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY: return AIC_CUT_OFF;
    case JERR_OUT_OF_MEMORY: return AIC_NO_MEMORY;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL: return AIC_UNSUPPORTED;
    default: return AIC_DAMAGED;
    }
}

static void leave(j_common_ptr info) {
    failure *own = (failure *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    snprintf(own->message, AIC_MESSAGE_LENGTH, "%s", text);
    own->status = status_of(info->err->msg_code);
    longjmp(own->place, 1);
}

// What libjpeg only warns of: it goes on with grey, or with what it guesses. Left out are warnings after which all pixels are
// what they were meant to be.
static void warn(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_ICC: return;
    default: leave(info);
    }
}

static void say_nothing(j_common_ptr info) { (void)info; }

static void count_scans(j_common_ptr info) {
    if (!info->is_decompressor || ((j_decompress_ptr)info)->input_scan_number <= MOST_SCANS) return;
    failure *own = (failure *)info->err;
    snprintf(own->message, AIC_MESSAGE_LENGTH, "more than %d scans", MOST_SCANS);
    own->status = AIC_UNSUPPORTED;
    longjmp(own->place, 1);
}

static void start(struct jpeg_decompress_struct *info, failure *own, char *message) {
    memset(info, 0, sizeof *info);
    memset(own, 0, sizeof *own);
    message[0] = 0;
    own->message = message;
    info->err = jpeg_std_error(&own->base);
    own->base.error_exit = leave;
    own->base.emit_message = warn;
    own->base.output_message = say_nothing;
    own->progress.progress_monitor = count_scans;
}

static aic_status read_header(struct jpeg_decompress_struct *info, failure *own, const uint8_t *bytes, size_t count) {
    jpeg_create_decompress(info);
    info->progress = &own->progress;
    jpeg_mem_src(info, bytes, count);
    jpeg_read_header(info, TRUE);
    int channels = info->num_components;
    if (channels == 1 || channels == 3 || channels == 4) return AIC_OK;
    snprintf(own->message, AIC_MESSAGE_LENGTH, "%d components a pixel", channels);
    return AIC_UNSUPPORTED;
}

aic_status aic_jpeg_header(const uint8_t *bytes, size_t count, aic_header *header, char *message) {
    struct jpeg_decompress_struct info;
    failure own;
    start(&info, &own, message);
    if (setjmp(own.place)) {
        jpeg_destroy_decompress(&info);
        return own.status;
    }
    own.status = read_header(&info, &own, bytes, count);
    *header = (aic_header){info.image_width, info.image_height, info.num_components, info.data_precision, 0, 0};
    jpeg_destroy_decompress(&info);
    return own.status;
}

// a · b / 255, rounded, as PIL computes it.
static int scaled(int a, int b) {
    int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

// Four samples to three, as PIL converts: it takes all of them for inverted, as Adobe's programs write them.
static void convert_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t width) {
    for (size_t x = 0; x < width; x++) {
        int light = cmyk[4 * x + 3];
        for (size_t c = 0; c < 3; c++) rgb[3 * x + c] = (uint8_t)(light - scaled(255 - cmyk[4 * x + c], light));
    }
}

aic_status aic_jpeg_rgb(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t room, char *message) {
    struct jpeg_decompress_struct info;
    failure own;
    start(&info, &own, message);
    if (setjmp(own.place)) {
        jpeg_destroy_decompress(&info);
        return own.status;
    }
    own.status = read_header(&info, &own, bytes, count);
    if (own.status != AIC_OK) {
        jpeg_destroy_decompress(&info);
        return own.status;
    }
    int is_cmyk = info.num_components == 4;
    info.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info);
    size_t width = info.output_width;
    if (room != 3 * width * info.output_height || info.output_components != (is_cmyk ? 4 : 3)) {
        ERREXIT(&info, JERR_BAD_BUFFER_MODE);
    }
    JSAMPARRAY inks =
        is_cmyk ? info.mem->alloc_sarray((j_common_ptr)&info, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1) : NULL;
    while (info.output_scanline < info.output_height) {
        uint8_t *target = rgb + 3 * width * info.output_scanline;
        JSAMPROW row = is_cmyk ? inks[0] : target;
        jpeg_read_scanlines(&info, &row, 1);
        if (is_cmyk) convert_cmyk(row, target, width);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return AIC_OK;
}

#define TEXT(value) #value
#define SPELLED(value) TEXT(value)

void aic_jpeg_version(char *text) {
    // libjpeg-turbo tells its version at compile time alone.
    snprintf(text, AIC_MESSAGE_LENGTH, "%s", SPELLED(LIBJPEG_TURBO_VERSION));
}
