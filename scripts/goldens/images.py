#!/usr/bin/env python3
"""Small image files of every kind that is read, and what transformers makes of them.

Writes Tests/Goldens/images: `files/`; `decoded.safetensors`, each file as `load_image` reads it [H, W, 3]; `resized.json` and
`.safetensors`, PIL's resizing by each filter; `processors.json` and `.safetensors`, files through image processors of the PIL
backend [3, H, W], and of the torchvision backend as `fast.NAME`; `classes.json`, what each class does by default.

Needs Pillow, transformers, torchvision and safetensors.
"""
import io
import json
import math
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file
from transformers.image_utils import load_image
from transformers.models.beit.image_processing_beit import BeitImageProcessor
from transformers.models.beit.image_processing_pil_beit import BeitImageProcessorPil
from transformers.models.bit.image_processing_bit import BitImageProcessor
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.deit.image_processing_deit import DeiTImageProcessor
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip.image_processing_siglip import SiglipImageProcessor
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
from transformers.models.vit.image_processing_vit import ViTImageProcessor

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/Goldens/images"
FILES = FOLDER / "files"
NOISE = np.random.default_rng(20261130)


def photo(height, width, channels=3):
    """Slopes, an edge, a disc and a little noise, as photographs have them: uint8 [H, W, channels]"""
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / max(height - 1, 1), x / max(width - 1, 1)
    layers = []
    for channel in range(channels):
        value = 90 + 70 * np.sin(3 * x + channel) + 50 * np.cos(4 * y - channel) + 60 * (x + y > 1.1)
        value = np.where((x - 0.4) ** 2 + (y - 0.6) ** 2 < 0.05, 230 - 60 * channel, value)
        layers.append(value + NOISE.normal(0, 6, value.shape))
    return np.clip(np.stack(layers, -1), 0, 255).astype(np.uint8)


def noise(height, width, channels=3):
    return NOISE.integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(name, image, **options):
    image.save(FILES / name, **options)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def png(samples, depth, color, interlaced=False, before=b"", after=b""):
    """A PNG of samples [H, W, channels], whatever PIL would write."""
    height, width, channels = samples.shape

    def packed(rows):
        data = b""
        for row in rows:
            if row.shape[0] == 0:
                continue
            flat = row.reshape(-1)
            if depth == 16:
                data += b"\0" + flat.astype(">u2").tobytes()
            else:
                bits = "".join(format(int(value), f"0{depth}b") for value in flat)
                bits += "0" * (-len(bits) % 8)
                data += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
        return data

    if interlaced:
        data = b"".join(packed(samples[top::down, left::across]) for top, left, down, across in PASSES)
    else:
        data = packed(samples)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(data, 9)) + after
            + chunk(b"IEND", b""))


def write_png(name, *arguments, **options):
    (FILES / name).write_bytes(png(*arguments, **options))


def tiff(tag, kind, count, value, endian="<", before=()):
    """EXIF of one directory: `value` is the four bytes of the tag's entry."""
    entries = list(before) + [(tag, kind, count, value)]
    head = (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "I", 8)
    return (head + struct.pack(endian + "H", len(entries))
            + b"".join(struct.pack(endian + "HHI", *entry[:3]) + entry[3] for entry in entries)
            + struct.pack(endian + "I", 0))


def orientation(value, endian="<"):
    return tiff(274, 3, 1, struct.pack(endian + "HH", value, 0), endian)


XMP = ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"{}/></rdf:RDF></x:xmpmeta>')


def jpegs():
    picture = Image.fromarray(photo(29, 37))
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        save(f"rgb-{name}.jpg", picture, quality=85, subsampling=subsampling)
    save("progressive.jpg", picture, quality=80, progressive=True)
    save("restarts.jpg", picture, quality=70, restart_marker_blocks=2)
    save("keep-rgb.jpg", picture, quality=80, keep_rgb=True)
    save("noise.jpg", Image.fromarray(noise(16, 16)), quality=95)
    save("grey.jpg", Image.fromarray(photo(21, 18, 1)[..., 0]), quality=85)
    save("one.jpg", Image.fromarray(photo(1, 1)), quality=85)
    save("wide.jpg", Image.fromarray(photo(3, 61)), quality=85)
    save("cmyk.jpg", Image.fromarray(photo(15, 17, 4), mode="CMYK"), quality=90)
    # The same coefficients taken for luminance and colour.
    adobe = (FILES / "cmyk.jpg").read_bytes()
    place = adobe.index(b"Adobe") + 11
    (FILES / "ycck.jpg").write_bytes(adobe[:place] + b"\x02" + adobe[place + 1:])
    (FILES / "trailing.jpg").write_bytes((FILES / "grey.jpg").read_bytes() + b"\0" * 20 + b"appended")
    small = Image.fromarray(photo(11, 14))
    for value in range(1, 9):
        save(f"turned-{value}.jpg", small, quality=85, exif=b"Exif\0\0" + orientation(value, "<>"[value % 2]))
    odd = {
        "long": tiff(274, 4, 1, struct.pack("<I", 6)), "byte": tiff(274, 1, 1, b"\x06\0\0\0"),
        "two": tiff(274, 3, 2, struct.pack("<HH", 8, 3)), "nine": orientation(9),
        "after": tiff(274, 3, 1, struct.pack("<HH", 6, 0), before=[(271, 2, 3, b"ab\0\0")]),
        "skipped": tiff(274, 3, 1, struct.pack("<HH", 6, 0), before=[(271, 2, 4000, struct.pack("<I", 8))]),
        "outside": tiff(274, 3, 1, struct.pack("<HH", 6, 0), before=[(271, 2, 12, struct.pack("<I", 4000))]),
        "cut": orientation(6)[:15], "signed": tiff(274, 9, 1, struct.pack("<i", 3)),
        "float": tiff(274, 11, 1, struct.pack("<f", 5)), "twice": b"Exif\0\0" + orientation(7),
    }
    for name, exif in odd.items():
        save(f"odd-{name}.jpg", small, quality=60, exif=b"Exif\0\0" + exif)
    save("xmp.jpg", small, quality=60, xmp=XMP.format(' tiff:Orientation="6"').encode())
    save("xmp-and-exif.jpg", small, quality=60, exif=b"Exif\0\0" + orientation(1),
         xmp=XMP.format(' tiff:Orientation="6"').encode())


def pngs():
    grey = photo(13, 19, 1)
    for depth in [1, 2, 4, 8]:
        write_png(f"grey-{depth}.png", grey >> (8 - depth), depth, 0)
        colors = noise(1, 1 << depth)[0].tobytes()
        write_png(f"palette-{depth}.png", grey >> (8 - depth), depth, 3, before=chunk(b"PLTE", colors))
    alpha = photo(13, 19, 4)
    alpha[..., 3] = noise(13, 19, 1)[..., 0]
    wide = NOISE.integers(0, 65536, (13, 19, 4))
    write_png("grey-trns.png", grey, 8, 0, before=chunk(b"tRNS", struct.pack(">H", int(grey[3, 4, 0]))))
    write_png("palette-trns.png", grey >> 5, 3 + 1, 3, before=chunk(b"PLTE", noise(1, 8)[0].tobytes())
              + chunk(b"tRNS", bytes([0, 100, 255, 7])))
    # PIL makes one colour of these, which processors that convert to RGB then make white.
    write_png("palette-key.png", grey >> 5, 4, 3, before=chunk(b"PLTE", noise(1, 8)[0].tobytes())
              + chunk(b"tRNS", bytes([255, 255, 0, 255])))
    for depth, value in [(1, 0), (1, 1), (2, 3), (2, 0), (4, 300)]:
        write_png(f"grey-key-{depth}-{value}.png", grey >> (8 - depth), depth, 0, before=chunk(b"tRNS", struct.pack(">H", value)))
    write_png("rgb-key-16.png", (alpha[..., :3].astype(np.int64) << 8) + alpha[..., :3], 16, 2,
              before=chunk(b"tRNS", struct.pack(">HHH", *alpha[5, 6, :3].tolist())))
    write_png("grey-alpha.png", alpha[..., [0, 3]], 8, 4)
    write_png("grey-alpha-16.png", wide[..., :2], 16, 4)
    write_png("rgb.png", alpha[..., :3], 8, 2)
    write_png("rgb-trns.png", alpha[..., :3], 8, 2, before=chunk(b"tRNS", struct.pack(">HHH", *alpha[2, 2, :3].tolist())))
    write_png("rgb-16.png", wide[..., :3], 16, 2)
    write_png("rgba.png", alpha, 8, 6)
    write_png("rgba-16.png", wide, 16, 6)
    write_png("gamma.png", alpha[..., :3], 8, 2, before=chunk(b"gAMA", struct.pack(">I", 100000)))
    for name, samples, depth, color in [("grey-2", grey >> 6, 2, 0), ("rgb", alpha[..., :3], 8, 2), ("rgba-16", wide, 16, 6)]:
        write_png(f"interlaced-{name}.png", samples, depth, color, interlaced=True)
    write_png("interlaced-palette.png", grey >> 7, 1, 3, interlaced=True, before=chunk(b"PLTE", bytes([9, 8, 7, 200, 100, 50])))
    write_png("interlaced-one.png", alpha[:1, :1, :3], 8, 2, interlaced=True)
    rgb = alpha[:9, :12, :3]
    write_png("exif.png", rgb, 8, 2, before=chunk(b"eXIf", orientation(6)))
    write_png("exif-behind.png", rgb, 8, 2, after=chunk(b"eXIf", orientation(8, ">")))
    write_png("exif-twice.png", rgb, 8, 2, before=chunk(b"eXIf", orientation(6)), after=chunk(b"eXIf", orientation(3)))
    profile = b"Exif\0\0" + orientation(5)
    text = f"\nexif\n{len(profile):8}\n{profile.hex()[:72]}\n{profile.hex()[72:]}\n".encode()
    write_png("exif-profile.png", rgb, 8, 2, before=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    write_png("exif-text.png", rgb, 8, 2, before=chunk(b"tEXt", b"Raw profile type exif\0" + text))
    xmp = XMP.replace("/></rdf", "><tiff:Orientation>7</tiff:Orientation></rdf:Description></rdf").format("").encode()
    write_png("xmp.png", rgb, 8, 2, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    write_png("xmp-packed.png", rgb, 8, 2, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)))


def webps():
    picture = Image.fromarray(photo(29, 37))
    alpha = photo(29, 37, 4)
    alpha[..., 3] = photo(29, 37, 1)[..., 0]
    alpha[:9, :9, 3] = 0
    save("lossy.webp", picture, quality=80)
    save("lossless.webp", picture, lossless=True)
    save("lossy-alpha.webp", Image.fromarray(alpha), quality=70)
    save("lossless-alpha.webp", Image.fromarray(alpha), lossless=True, exact=True)
    save("exif.webp", picture, quality=60, exif=b"Exif\0\0" + orientation(6))
    save("exif-plain.webp", picture, quality=60, exif=orientation(3, ">"))
    save("xmp.webp", picture, quality=60, xmp=XMP.format(' tiff:Orientation="8"').encode())
    save("one.webp", Image.fromarray(photo(1, 1)), lossless=True)


def resizes():
    # Tall ones that become much lower are resized down first.
    sources = {"photo": photo(23, 31), "noise": noise(17, 12), "tall": noise(30, 9), "row": noise(1, 40), "dot": noise(1, 1)}
    cases, tensors = [], {f"source.{name}": value for name, value in sources.items()}
    sizes = {"photo": [(10, 14), (8, 8), (46, 62), (23, 9), (9, 31), (1, 1), (30, 13)], "noise": [(5, 5), (40, 33), (16, 11)],
             "tall": [(9, 8), (28, 8), (27, 8), (12, 20)], "row": [(3, 7), (1, 100)], "dot": [(4, 5)]}
    for name, targets in sizes.items():
        for height, width in targets:
            for resample in range(6):
                key = f"{name}.{height}x{width}.{resample}"
                cases.append({"source": name, "height": height, "width": width, "resample": resample, "name": key})
                image = Image.fromarray(sources[name]).resize((width, height), resample=resample)
                tensors[key] = np.array(image)
    (FOLDER / "resized.json").write_text(json.dumps({"cases": cases}) + "\n")
    save_file(tensors, FOLDER / "resized.safetensors")


CLASSES = {
    "ViTImageProcessor": (ViTImageProcessorPil, ViTImageProcessor),
    "DeiTImageProcessor": (DeiTImageProcessorPil, DeiTImageProcessor),
    "BitImageProcessor": (BitImageProcessorPil, BitImageProcessor),
    "BeitImageProcessor": (BeitImageProcessorPil, BeitImageProcessor),
    "CLIPImageProcessor": (CLIPImageProcessorPil, CLIPImageProcessor),
    "SiglipImageProcessor": (SiglipImageProcessorPil, SiglipImageProcessor),
}
FRAME = {"height": 12, "width": 10}
CASES = [
    # name, class, file, members of preprocessor_config.json
    ("vit", "ViTImageProcessor", "rgb-420.jpg", {"size": FRAME}),
    ("vit-old", "ViTImageProcessor", "turned-6.jpg", {"size": 9, "resample": 2, "do_normalize": True}),
    ("vit-list", "ViTImageProcessor", "grey-8.png", {"size": [7, 11]}),
    ("vit-larger", "ViTImageProcessor", "grey-2.png", {"size": {"height": 26, "width": 31}}),
    ("vit-nearest", "ViTImageProcessor", "rgba.png", {"size": FRAME, "resample": 0}),
    ("vit-lanczos", "ViTImageProcessor", "lossless-alpha.webp", {"size": FRAME, "resample": 1}),
    ("vit-raw", "ViTImageProcessor", "palette-4.png", {"do_resize": False, "do_rescale": False, "do_normalize": False}),
    ("vit-unscaled", "ViTImageProcessor", "palette-2.png", {"size": FRAME, "do_rescale": False, "image_mean": [127.5] * 3,
                                                           "image_std": 63.75}),
    ("vit-scaled", "ViTImageProcessor", "palette-2.png", {"size": FRAME, "rescale_factor": 0.00784, "do_normalize": False}),
    ("deit", "DeiTImageProcessor", "rgb-444.jpg", {"size": {"height": 15, "width": 15}, "crop_size": {"height": 10, "width": 9}}),
    ("deit-old", "DeiTImageProcessor", "rgb-422.jpg", {"size": 14, "crop_size": 11, "resample": 3, "do_center_crop": True}),
    ("bit", "BitImageProcessor", "rgb-420.jpg", {"size": {"shortest_edge": 13}, "crop_size": {"height": 11, "width": 11}}),
    ("bit-tall", "BitImageProcessor", "turned-8.jpg", {"size": {"shortest_edge": 13}, "crop_size": {"height": 10, "width": 12}}),
    ("bit-edges", "BitImageProcessor", "rgb-420.jpg", {"size": {"shortest_edge": 13, "longest_edge": 15}, "do_center_crop": False}),
    ("bit-uncut", "BitImageProcessor", "turned-8.jpg", {"size": {"shortest_edge": 10}, "do_center_crop": False}),
    ("bit-within", "BitImageProcessor", "rgb-420.jpg", {"size": {"max_height": 14, "max_width": 12}, "do_center_crop": False}),
    ("beit", "BeitImageProcessor", "lossy.webp", {"size": FRAME, "crop_size": {"height": 8, "width": 8}}),
    ("beit-crop", "BeitImageProcessor", "lossy.webp", {"size": FRAME, "do_center_crop": True, "crop_size": {"height": 8, "width": 8}}),
    ("clip", "CLIPImageProcessor", "cmyk.jpg", {"size": {"shortest_edge": 12}, "crop_size": {"height": 12, "width": 12}}),
    ("clip-old", "CLIPImageProcessor", "progressive.jpg", {"size": 12, "crop_size": 12}),
    ("clip-small", "CLIPImageProcessor", "one.jpg", {"do_resize": False, "crop_size": {"height": 4, "width": 5}}),
    ("clip-padded", "CLIPImageProcessor", "wide.jpg", {"do_resize": False, "crop_size": {"height": 8, "width": 30}}),
    ("clip-odd", "CLIPImageProcessor", "grey-alpha-16.png", {"do_resize": False, "crop_size": {"height": 20, "width": 24}}),
    *((f"clip-{file}", "CLIPImageProcessor", f"{file}.png", {"do_resize": False, "do_center_crop": False}) for file in [
        "palette-key", "palette-trns", "grey-trns", "rgb-trns", "rgb-key-16", "rgba", "grey-key-1-0", "grey-key-1-1", "grey-key-2-3",
        "grey-key-2-0", "grey-key-4-300"]),
    ("vit-key", "ViTImageProcessor", "palette-key.png", {"size": FRAME}),
    ("vit-white", "ViTImageProcessor", "palette-key.png", {"size": FRAME, "do_convert_rgb": True}),
    ("clip-key", "CLIPImageProcessor", "palette-key.png", {"size": FRAME, "do_convert_rgb": False, "do_center_crop": False}),
    ("siglip", "SiglipImageProcessor", "interlaced-palette.png", {"size": FRAME}),
    ("siglip-number", "SiglipImageProcessor", "lossy-alpha.webp", {"size": 12}),
]


def processors():
    cases, tensors = [], {}
    for name, kind, file, members in CASES:
        image = load_image(str(FILES / file))
        pil, fast = CLASSES[kind]
        tensors[name] = np.asarray(pil(**members)(image, return_tensors="np")["pixel_values"][0], dtype=np.float32)
        # It pads a pixel further up and left.
        if name not in ("clip-small", "clip-padded", "clip-odd"):
            tensors[f"fast.{name}"] = fast(**members)(image, return_tensors="pt")["pixel_values"][0].float().numpy()
        cases.append({"name": name, "file": file, "config": {"image_processor_type": kind, **members}})
    (FOLDER / "processors.json").write_text(json.dumps({"cases": cases}) + "\n")
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, FOLDER / "processors.safetensors")
    defaults = {name: json.loads(pil().to_json_string()) for name, (pil, _) in CLASSES.items()}
    (FOLDER / "classes.json").write_text(json.dumps(defaults, indent=1) + "\n")


def main():
    FILES.mkdir(parents=True, exist_ok=True)
    jpegs()
    pngs()
    webps()
    save_file({path.name: np.ascontiguousarray(np.array(load_image(str(path)))) for path in sorted(FILES.iterdir())},
              FOLDER / "decoded.safetensors")
    resizes()
    processors()


if __name__ == "__main__":
    main()
