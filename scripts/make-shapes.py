#!/usr/bin/env python3
"""Make drawn shapes with descriptions, "a small red circle at the top left on grey paper", and a small CLIP that nobody trained.

    DIRECTORY/filled       4,000 pairs for training, 500 for validation, 1,000 for test
    DIRECTORY/outlined     1,000, 250 and 500 pairs in another style: outlines, of which the inside is paper
    DIRECTORY/renamed      the same number of filled shapes in other words: "a tiny crimson disc in the upper left corner on ashen paper"
    DIRECTORY/both         the same number of outlines in these words
        train.csv, validation.csv, test.csv        columns image (a path from the file) and text
        images/00000.png …                         48 × 48 pixels
    DIRECTORY/zero-shot    8 images of each colour and shape, in folders: zero-shot/red circle/0.png …
    DIRECTORY/untrained    config.json, tokenizer.json, tokenizer_config.json and preprocessor_config.json of a CLIP: texts by 3 layers
                           of width 64, images by 4 layers of width 64 and patches of 8 × 8; `adalora init` draws its weights

What is shown is one of 6,912: 8 shapes in 8 colours, 3 sizes, 9 places on 4 papers. Each belongs to one part, in all styles: what is
tested was not trained on, and no two pairs of a validation or test set have the same text. Of the texts to train on, one in five leaves out
size, place or paper, so that "a red circle" is no stranger. Everything follows from --seed. Needs the pip package Pillow.

    pip install pillow
    python3 scripts/make-shapes.py                # data/shapes
"""

import argparse
import csv
import hashlib
import itertools
import json
import math
import os
import random
import shutil
import sys

SIDE = 48
# Drawn larger and made smaller, so that edges are smooth.
SCALE = 4
COLORS = {"red": (205, 35, 40), "green": (45, 150, 60), "blue": (40, 80, 200), "yellow": (235, 205, 45), "purple": (125, 50, 160),
          "orange": (240, 125, 30), "pink": (240, 140, 185), "cyan": (60, 195, 210)}
SIZES = {"small": 5, "medium": 7.5, "large": 11}
SHAPES = ["circle", "square", "triangle", "diamond", "star", "cross", "ring", "heart"]
PLACES = {f"at the {row} {column}".replace("at the middle middle", "in the middle"): (x, y)
          for row, y in [("top", 0.27), ("middle", 0.5), ("bottom", 0.73)]
          for column, x in [("left", 0.27), ("middle", 0.5), ("right", 0.73)]}
PAPERS = {"black": (20, 20, 20), "grey": (120, 120, 120), "white": (245, 245, 245), "striped": (185, 185, 185)}
# The same things in other words. Places are told by rows and columns of their own.
OTHER_WORDS = {"red": "crimson", "green": "emerald", "blue": "azure", "yellow": "golden", "purple": "violet", "orange": "amber",
               "pink": "rosy", "cyan": "turquoise", "small": "tiny", "medium": "average", "large": "huge", "circle": "disc",
               "square": "box", "triangle": "wedge", "diamond": "rhombus", "star": "asterisk", "cross": "plus", "ring": "hoop",
               "heart": "valentine", "black": "dark", "grey": "ashen", "white": "pale", "striped": "lined"}
OTHER_PLACES = dict(zip(PLACES, [
    "in the upper left corner", "near the upper edge", "in the upper right corner", "near the left edge", "centrally",
    "near the right edge", "in the lower left corner", "near the lower edge", "in the lower right corner"]))
# Share of what can be shown, and pairs of the first set and of each other one.
PARTS = [("train", 0.7, 4000, 1000), ("validation", 0.1, 500, 250), ("test", 0.2, 1000, 500)]
STYLES = {"filled": (False, False), "outlined": (True, False), "renamed": (False, True), "both": (True, True)}
SPECIAL = ["<|startoftext|>", "<|endoftext|>", "<|unknown|>"]


def fail(message):
    sys.exit(f"make-shapes: {message}")


try:
    from PIL import Image, ImageDraw
except ImportError as error:
    fail(f"{error}; pip install pillow")


def corners(shape, radius):
    """Of a shape around the origin"""
    if shape == "square":
        side = radius * 0.85
        return [(-side, -side), (side, -side), (side, side), (-side, side)]
    if shape == "cross":
        thin = radius * 0.35
        return [(-thin, -radius), (thin, -radius), (thin, -thin), (radius, -thin), (radius, thin), (thin, thin), (thin, radius),
                (-thin, radius), (-thin, thin), (-radius, thin), (-radius, -thin), (-thin, -thin)]
    if shape in ("circle", "ring"):
        return [(radius * math.cos(math.pi * step / 32), radius * math.sin(math.pi * step / 32)) for step in range(64)]
    if shape == "heart":
        turns = [math.pi * step / 32 for step in range(64)]
        return [(radius / 16 * 16 * math.sin(t) ** 3,
                 -radius / 16 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))) for t in turns]
    count = {"triangle": 3, "diamond": 4, "star": 10}[shape]
    radii = [radius if shape != "star" or corner % 2 == 0 else radius * 0.42 for corner in range(count)]
    angles = [2 * math.pi * corner / count - math.pi / 2 for corner in range(count)]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles)]


def picture(chance, thing, is_outlined):
    """The shape somewhere near its place, a little larger or smaller and turned than the next one, in a hue near its colour."""
    shape, color, size, place, paper = thing
    image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE), PAPERS[paper])
    canvas = ImageDraw.Draw(image)
    if paper == "striped":
        for y in range(chance.randrange(4) * SCALE, SIDE * SCALE, 6 * SCALE):
            canvas.rectangle([0, y, SIDE * SCALE, y + 2 * SCALE - 1], fill=(90, 90, 90))
    radius = SIZES[size] * chance.uniform(0.92, 1.08) * SCALE
    x, y = (SIDE * SCALE * (part + chance.uniform(-0.03, 0.03)) for part in PLACES[place])
    fill = tuple(max(0, min(255, value + chance.randint(-10, 10))) for value in COLORS[color])
    # A square that is turned far is a diamond.
    angle = math.radians(chance.uniform(-8, 8))

    def points(radius):
        return [(x + a * math.cos(angle) - b * math.sin(angle), y + a * math.sin(angle) + b * math.cos(angle))
                for a, b in corners(shape, radius)]

    def line(radius, width):
        around = points(radius)
        canvas.line([*around, around[0], around[1]], fill=fill, width=width, joint="curve")

    if is_outlined:
        line(radius, round(1.3 * SCALE))
        if shape == "ring":
            line(radius * 0.5, round(1.3 * SCALE))
    elif shape == "ring":
        line(radius * 0.8, max(2, round(radius * 0.4)))
    else:
        canvas.polygon(points(radius), fill=fill)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def described(thing, is_renamed, left_out=()):
    shape, color, size, place, paper = thing
    word = OTHER_WORDS.get if is_renamed else lambda word: word
    said = [word(size) if "size" not in left_out else "", word(color), word(shape),
            (OTHER_PLACES[place] if is_renamed else place) if "place" not in left_out else "",
            f"on {word(paper)} paper" if "paper" not in left_out else ""]
    first = next(word for word in said if word)
    return " ".join([("an" if first[0] in "aeiou" else "a"), *(word for word in said if word)])


def things_of(seed):
    """Part: everything that may be shown in it, in an order that says nothing."""
    things = sorted(itertools.product(SHAPES, COLORS, SIZES, PLACES, PAPERS),
                    key=lambda thing: hashlib.sha256(f"{seed} {' '.join(thing)}".encode()).hexdigest())
    parts, first = {}, 0.0
    for part, share, _, _ in PARTS:
        parts[part] = things[round(first * len(things)):round((first + share) * len(things))]
        first += share
    return parts


def write_set(folder, style, counts, seed):
    is_outlined, is_renamed = STYLES[style]
    os.makedirs(os.path.join(folder, "images"))
    number = 0
    for part, things in things_of(seed).items():
        rows = []
        # Sets other than the first begin at another thing.
        offset = 0 if style == "filled" else len(things) // 4 * list(STYLES).index(style)
        for place in range(counts[part]):
            thing = things[(offset + place) % len(things)]
            chance = random.Random(f"{seed} {style} {number}")
            left_out = []
            if part == "train" and chance.random() < 0.2:
                left_out = chance.sample(["size", "place", "paper"], chance.randint(1, 3))
            name = f"images/{number:05}.png"
            picture(chance, thing, is_outlined).save(os.path.join(folder, name))
            rows.append((name, described(thing, is_renamed, left_out)))
            number += 1
        with open(os.path.join(folder, f"{part}.csv"), "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("image", "text"), *rows])
    return ", ".join(f"{counts[part]:,} {part}" for part, _, _, _ in PARTS) + " pairs"


def write_classes(folder, each, seed):
    """Of each colour and shape, at any size and place on any paper that the tests may show."""
    things = things_of(seed)["test"]
    for shape, color in itertools.product(SHAPES, COLORS):
        own = [thing for thing in things if thing[:2] == (shape, color)]
        place = os.path.join(folder, f"{color} {shape}")
        os.makedirs(place)
        for number in range(each):
            chance = random.Random(f"{seed} class {color} {shape} {number}")
            picture(chance, chance.choice(own), False).save(os.path.join(place, f"{number}.png"))
    return f"{len(SHAPES) * len(COLORS)} classes of {each} images"


def write_model(folder):
    """What `adalora init` draws weights for."""
    texts = [f"a photo an of on paper {' '.join(COLORS)} {' '.join(SIZES)} {' '.join(SHAPES)} {' '.join(PAPERS)}",
             *OTHER_WORDS.values(), *PLACES, *OTHER_PLACES.values()]
    words = SPECIAL + sorted({word for text in texts for word in text.split()})
    start, end, unknown = SPECIAL
    ids = {word: number for number, word in enumerate(words)}
    special = [{"id": ids[word], "content": word, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for word in SPECIAL]

    def framed(*sequences):
        return [{"SpecialToken": {"id": start, "type_id": 0}}, *({"Sequence": {"id": name, "type_id": 0}} for name in sequences),
                {"SpecialToken": {"id": end, "type_id": 0}}]

    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "post_processor": {
            "type": "TemplateProcessing", "single": framed("A"), "pair": framed("A", "B"),
            "special_tokens": {word: {"id": word, "ids": [ids[word]], "tokens": [word]} for word in (start, end)}},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        # Every word is a piece, and there are no others.
        "model": {"type": "Unigram", "unk_id": ids[unknown], "byte_fallback": False,
                  "vocab": [[word, 0.0] if word in SPECIAL else [f"▁{word}", -1.0] for word in words]}}
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 4, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
             "attention_dropout": 0.0, "projection_dim": 64}
    longest = 77
    config = {
        "model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": 64, "logit_scale_init_value": 2.6592,
        "text_config": {"model_type": "clip_text_model", "vocab_size": len(words), "num_hidden_layers": 3,
                        "max_position_embeddings": longest, "bos_token_id": ids[start], "eos_token_id": ids[end],
                        "pad_token_id": ids[end], **tower},
        "vision_config": {"model_type": "clip_vision_model", "image_size": SIDE, "patch_size": 8, "num_channels": 3,
                          "num_hidden_layers": 4, **tower}}
    processor = {
        "image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": {"shortest_edge": SIDE}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": SIDE, "width": SIDE}, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": True}
    named = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": start, "eos_token": end, "pad_token": end, "unk_token": unknown,
             "model_max_length": longest, "clean_up_tokenization_spaces": False}
    os.makedirs(folder)
    for name, value in [("config", config), ("tokenizer", tokenizer), ("tokenizer_config", named), ("preprocessor_config", processor)]:
        with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2, ensure_ascii=False)
            file.write("\n")
    return f"a CLIP of {len(words)} words, without weights"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default="data/shapes")
    parser.add_argument("--share", type=float, default=1, help="of the pairs that are made otherwise (default: 1)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not 0.01 <= arguments.share <= 1:
        fail("--share is 0.01 to 1")
    seed, share = arguments.seed, arguments.share
    kinds = {style: lambda folder, style=style: write_set(
        folder, style, {part: round(share * (first if style == "filled" else other)) for part, _, first, other in PARTS}, seed)
        for style in STYLES}
    kinds["zero-shot"] = lambda folder: write_classes(folder, max(1, round(8 * share)), seed)
    kinds["untrained"] = write_model
    os.makedirs(arguments.directory, exist_ok=True)
    for name, make in kinds.items():
        folder = os.path.join(arguments.directory, name)
        temporary = folder + ".new"
        shutil.rmtree(temporary, ignore_errors=True)
        what = make(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
        print(f"{folder}: {what}")


if __name__ == "__main__":
    main()
