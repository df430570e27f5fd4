#!/usr/bin/env python3
"""Make drawn shapes of many colours, sizes and places, as classes and with descriptions.

Each image shows one shape, or two side by side, on a plain or a noisy background, 64 × 64. Writes

    DIRECTORY/classes/train, validation, test      a subfolder for each shape; one shape an image
    DIRECTORY/captions/train.csv, validation.csv, test.csv   paths of images, and what they show: "a small red circle at the top
                                                   left, and a large blue square at the bottom right"

No description occurs in two of the parts, so that a model that is to find the image of a description has not seen that one.
Everything follows from --seed. Needs pip packages numpy and Pillow.

    pip install numpy pillow
    python3 scripts/make-shapes.py                # data/shapes
"""

import argparse
import csv
import hashlib
import math
import os
import random
import shutil
import sys

SIDE = 64
# Drawn larger and made smaller, so that edges are smooth.
SCALE = 4
COLORS = {"red": (214, 40, 40), "green": (50, 160, 60), "blue": (40, 80, 200), "yellow": (240, 210, 50), "purple": (140, 60, 170),
          "orange": (245, 130, 30), "white": (240, 240, 240), "black": (25, 25, 25)}
SIZES = {"small": 8, "medium": 12, "large": 17}
SHAPES = ["circle", "square", "triangle", "diamond", "star", "cross", "ring", "hexagon"]
PLACES = {"at the top left": (0.3, 0.3), "at the top right": (0.7, 0.3), "at the bottom left": (0.3, 0.7),
          "at the bottom right": (0.7, 0.7), "in the middle": (0.5, 0.5)}
PARTS = [("train", 0.7), ("validation", 0.8), ("test", 1.0)]


def fail(message):
    sys.exit(f"make-shapes: {message}")


try:
    import numpy as np
    from PIL import Image, ImageDraw
except ImportError as error:
    fail(f"{error}; pip install numpy pillow")


def outline(shape, radius):
    """Corners of a shape around the origin"""
    if shape == "square":
        side = radius * 0.85
        return [(-side, -side), (side, -side), (side, side), (-side, side)]
    if shape == "cross":
        thin = radius * 0.35
        return [(-thin, -radius), (thin, -radius), (thin, -thin), (radius, -thin), (radius, thin), (thin, thin), (thin, radius),
                (-thin, radius), (-thin, thin), (-radius, thin), (-radius, -thin), (-thin, -thin)]
    corners = {"triangle": 3, "diamond": 4, "hexagon": 6, "star": 10}[shape]
    radii = [radius if shape != "star" or corner % 2 == 0 else radius * 0.42 for corner in range(corners)]
    angles = [2 * math.pi * corner / corners - math.pi / 2 for corner in range(corners)]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles)]


def draw(canvas, chance, shape, color, size, place):
    """Somewhere near its place, a little larger or smaller and turned than the next one, in a hue near its colour."""
    radius = SIZES[size] * chance.uniform(0.9, 1.1) * SCALE
    x, y = (SIDE * SCALE * (part + chance.uniform(-0.04, 0.04)) for part in PLACES[place])
    fill = tuple(max(0, min(255, value + chance.randint(-12, 12))) for value in COLORS[color])
    if shape in ("circle", "ring"):
        box = [x - radius, y - radius, x + radius, y + radius]
        if shape == "circle":
            canvas.ellipse(box, fill=fill)
        else:
            canvas.ellipse(box, outline=fill, width=max(2, round(radius * 0.35)))
        return
    # A square that is turned far is a diamond.
    angle = math.radians(chance.uniform(-8, 8))
    canvas.polygon([(x + a * math.cos(angle) - b * math.sin(angle), y + a * math.sin(angle) + b * math.cos(angle))
                    for a, b in outline(shape, radius)], fill=fill)


def picture(chance, things):
    """Things are (shape, color, size, place)."""
    grey = chance.randint(90, 170)
    image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE), (grey, grey, grey))
    canvas = ImageDraw.Draw(image)
    for thing in things:
        draw(canvas, chance, *thing)
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    noise = np.random.default_rng(chance.getrandbits(64)).normal(0, chance.choice([0, 6, 12]), pixels.shape)
    return Image.fromarray(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))


def described(things):
    """A small red circle at the top left, and …: the upper or left one first."""
    return ", and ".join(f"a {size} {color} {shape} {place}" for shape, color, size, place in things)


def part_of(text, seed):
    """By the hash of the description, so that one stands on one side."""
    place = int(hashlib.sha256(f"{seed} {text}".encode()).hexdigest()[:8], 16) / 2**32
    return next(name for name, share in PARTS if place < share)


def classes(folder, count, seed):
    counts = {}
    for shape in SHAPES:
        for number in range(count):
            chance = random.Random(f"{seed} class {shape} {number}")
            thing = (shape, chance.choice(list(COLORS)), chance.choice(list(SIZES)), chance.choice(list(PLACES)))
            part = next(name for name, share in PARTS if number < share * count)
            place = os.path.join(folder, part, shape)
            os.makedirs(place, exist_ok=True)
            picture(chance, [thing]).save(os.path.join(place, f"{number:05}.png"))
            counts[part] = counts.get(part, 0) + 1
    return counts


def captions(folder, count, seed):
    rows = {name: [] for name, _ in PARTS}
    os.makedirs(os.path.join(folder, "images"))
    number = 0
    seen = set()
    while sum(len(own) for own in rows.values()) < count:
        chance = random.Random(f"{seed} caption {number}")
        number += 1
        places = [["in the middle"], ["at the top left", "at the bottom right"], ["at the top right", "at the bottom left"],
                  ["at the top left", "at the top right"], ["at the bottom left", "at the bottom right"]]
        things = [(chance.choice(SHAPES), chance.choice(list(COLORS)), chance.choice(list(SIZES)), place)
                  for place in chance.choice(places)]
        text = described(things)
        # Which of two images of one description is meant nobody could say.
        if text in seen:
            continue
        seen.add(text)
        name = f"images/{number:06}.png"
        picture(chance, things).save(os.path.join(folder, name))
        rows[part_of(text, seed)].append((name, text))
    for part, own in rows.items():
        with open(os.path.join(folder, f"{part}.csv"), "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("image", "text"), *own])
    return {part: len(own) for part, own in rows.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default="data/shapes")
    parser.add_argument("--each", type=int, default=250, help="images of a shape (default: 250)")
    parser.add_argument("--captions", type=int, default=4000, help="images with a description (default: 4000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.each < 10 or not 10 <= arguments.captions <= 50_000:
        fail("--each is 10 at least, --captions 10 to 50000")
    os.makedirs(arguments.directory, exist_ok=True)
    for name, make, count in [("classes", classes, arguments.each), ("captions", captions, arguments.captions)]:
        folder = os.path.join(arguments.directory, name)
        temporary = folder + ".new"
        shutil.rmtree(temporary, ignore_errors=True)
        counts = make(temporary, count, arguments.seed)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
        print(f"{folder}: " + ", ".join(f"{counts.get(part, 0):,} {part}" for part, _ in PARTS) + " images")


if __name__ == "__main__":
    main()
