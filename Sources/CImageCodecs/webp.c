#include "CImageCodecs.h"

#include <stdio.h>

#include <webp/decode.h>

static aic_status status_of(VP8StatusCode code, char *message) {
    const char *text = "";
    aic_status status = AIC_OK;
    switch (code) {
    case VP8_STATUS_OK: break;
    case VP8_STATUS_OUT_OF_MEMORY: status = AIC_NO_MEMORY, text = "no memory"; break;
    case VP8_STATUS_UNSUPPORTED_FEATURE: status = AIC_UNSUPPORTED, text = "a feature that libwebp does not know"; break;
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: status = AIC_CUT_OFF, text = "the file ends within the image"; break;
    default: status = AIC_DAMAGED, text = "the bits are no WebP image"; break;
    }
    snprintf(message, AIC_MESSAGE_LENGTH, "%s", text);
    return status;
}

aic_status aic_webp_header(const uint8_t *bytes, size_t count, aic_header *header, char *message) {
    WebPBitstreamFeatures features;
    aic_status status = status_of(WebPGetFeatures(bytes, count, &features), message);
    if (status != AIC_OK) return status;
    *header = (aic_header){(uint32_t)features.width, (uint32_t)features.height, features.has_alpha ? 4 : 3, 8, 0,
                           features.has_animation};
    return AIC_OK;
}

aic_status aic_webp_rgb(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t room, char *message) {
    WebPDecoderConfig config;
    // 0 for a library of another interface than these headers.
    if (!WebPInitDecoderConfig(&config)) return status_of(VP8_STATUS_INVALID_PARAM, message);
    aic_status status = status_of(WebPGetFeatures(bytes, count, &config.input), message);
    if (status != AIC_OK) return status;
    size_t stride = 3 * (size_t)config.input.width;
    if (room != stride * (size_t)config.input.height || stride > INT32_MAX) {
        return status_of(VP8_STATUS_INVALID_PARAM, message);
    }
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = rgb;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = room;
    status = status_of(WebPDecode(bytes, count, &config), message);
    WebPFreeDecBuffer(&config.output);
    return status;
}

void aic_webp_version(char *text) {
    int version = WebPGetDecoderVersion();
    snprintf(text, AIC_MESSAGE_LENGTH, "%d.%d.%d", version >> 16, version >> 8 & 255, version & 255);
}
