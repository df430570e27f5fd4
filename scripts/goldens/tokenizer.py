#!/usr/bin/env python3
"""Write the tokenizer goldens with the reference implementation (Hugging Face tokenizers).

hostile.jsonl   one object a line: text, pair (null for one text), maxLength (null for no limit), ids, types,
                offsets (UTF-8 bytes of its own text: start and end of each token, flat)
glosses.txt     one hash per 200 of WordNet's 95,882 noun and verb glosses (text up to the first "; "): FNV-1a-64
                over the ids as little-endian int32, 0xFFFFFFFF after each text
scalars.txt     one hash per block of 256 scalars: FNV-1a-64 over the words of "a" + scalar + "b" as
                little-endian uint32 scalars, 0xFFFFFFFF after each word, 0xFFFFFFFE after each scalar's words

Reads models/minilm (scripts/fetch-minilm.sh) and WordNet 3.0 (apt install wordnet-base).

    python3 scripts/goldens/tokenizer.py   # tokenizers 0.23.3
"""

import json
import os
import struct

from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "tokenizer")
MODEL = os.path.join(ROOT, "models", "minilm", "tokenizer.json")
WORDNET = "/usr/share/wordnet"
GLOSSES_PER_HASH, SCALARS_PER_HASH = 200, 256

TEXTS = [
    "", " ", "\t\n\r", "a", "Hello, World!", "The quick brown fox jumps over the lazy dog.",
    # Accents, composed and decomposed; stacked marks out of canonical order; lone marks.
    "Crème brûlée à la carte", "Cre\u0300me bru\u0302le\u0301e", "Ångström Å \u212b", "naïve café résumé",
    "Tiếng Việt", "a\u0301\u0323b", "a\u0323\u0301b", "q\u0307\u0323\u0301\u0328x", "\u0301", "\u0301abc",
    "abc \u0301 def",
    "\u0345\u0301\u0323", "Z\u0351\u036b\u0343a\u0323\u0324l\u0321g\u0316o\u035c", "\u302e\U0001d165\u302fx",
    "x\U0001d165\u302e\U0001d16dy",
    "a\u0897\u0301\u0323b", "a\u16ff0\U00016ff0\u302eb", "x\u1dfa\u1dfby", "\U00011938", "\U00011935\U00011930",
    "\u1e9b\u0323",
    # Case.
    "İstanbul ISTANBUL ıi", "Straße STRASSE ẞ", "ΟΔΥΣΣΕΥΣ Σ ς", "ǅ ǈ Ǌ ﬁne ﬄ ﬆ", "ΑΣ ΑΣ. Σ", "ĲSSEL ŉ ǰ",
    "Ⅷ Ⓐ Ａｂｃ",
    "ᏣᎳᎩ ꮳꮃꭹ", "ᲐᲑᲒ აბგ", "𐐀𐐁 𞤀𞤁", "Ꟁ Ꞔ Ʂ",
    # Scripts.
    "中文字符 test 日本語テキスト", "中a国b", "한국어 텍스트", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\u11ab", "𠀀𪛖𫝀𫞟𫠠𬺰",
    "㐀䶿豈\U0002f800",
    "שָׁלוֹם עולם", "مَرْحَبًا بِالعالم", "नमस्ते दुनिया", "ไทยภาษา", "ქართული", "Привет, Йод ёж", "ಕನ್ನಡ ಭಾಷೆ",
    "தமிழ் மொழி", "བོད་སྐད།",
    "\u202eabc\u202c \u200fdef\u200e", "ab\u200bcd\u200cef\u200dgh\ufeffij\u2060kl",
    # Emoji.
    "👨‍👩‍👧‍👦 family", "👍🏽 🇩🇪 ❤️ 1️⃣", "🙂text🙂", "🏴\U000e0067\U000e0062\U000e007f",
    # Control characters, replacement, private use, unassigned, noncharacters.
    "a\0b", "\0", "a\x01b\x1fc\x7fd\x80e\x9ff", "a\ufffdb", "\ufffd\ufffd", "a\ue000b\U000f0000c\U0010fffdd",
    "a\u0378b\U000e0fffc",
    "a\uffffb\ufdd0c", "soft\u00adhyphen", "\ufeffBOM", "a\u0600b\u06ddc\u070fd\u0890e",
    # White space.
    "a b\tc\nd\re\x0bf\x0cg\x85h\u00a0i\u1680j\u2000k\u2003l\u2009m\u200an\u2028o\u2029p\u202fq\u205fr\u3000s",
    "a\u180eb\u200bc", "  leading and trailing  ", "a\r\nb\r\n\r\nc", "e\u0301\r\n\u0301x", "\n\u0301a",
    # Punctuation.
    "don't can't it's", "a.b,c;d:e!f?g", "$100 + 5% = #1 @home ^_^ `x` ~|~ <a> {b} [c]",
    "«quoted» „low“ ‘x’ – — …", "٪ ؟ ، ؛",
    "a\u166db\u2e43c\u061dd", "\U000111c9\u1734\U0001171e", "¡¿§¶·", "x\u00b4y\u00a8z\u00b8", "½ ² ³ ¹ ℃ ™ ©",
    # Long words.
    "a" * 99, "a" * 100, "a" * 101, "x" * 500, "é" * 100, "é" * 101, "e\u0301" * 100, "e\u0301" * 101, "İ" * 100,
    "ok " + "b" * 101 + " ok", "antidisestablishmentarianism", "supercalifragilisticexpialidocious",
    # Special tokens in the text.
    "[MASK]", "a [MASK] b", "a[MASK]b", "[CLS]x", "x[SEP]y[SEP]", "[mask]", "[Mask]", "[MASK]\u0301",
    "[MASK\u0301]", "[MA\u00adSK]",
    "[[MASK]]", "[CLS][SEP][PAD][UNK][MASK]", "[PAD] [UNK]", "[UNK", "[MASK ]", "[unused5] [unused0]", "##ing ing",
    "[CLS]\u0301x",
    "\u0301[MASK]", "[\U0001f600MASK]", "İ[MASK]ß",
]

PAIRS = [
    ("", ""), ("a", ""), ("", "b"), ("How many legs?", "Spiders walk on eight legs."), ("[SEP]", "[CLS] x"),
    ("中文", "한국어"),
    ("one two three four five six seven eight", "nine ten"),
    ("one two", "three four five six seven eight nine ten"),
    ("one two three four five", "six seven eight nine ten"),
    ("one two three four five six", "seven eight nine ten eleven"),
    ("x" * 101, "Crème brûlée [MASK]"),
]
SINGLE_LENGTHS, PAIR_LENGTHS = (3, 4, 5, 8), (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
CUT_TEXTS = ["", "a", "one two three four five six seven eight nine ten", "antidisestablishmentarianism unbelievably",
             "[MASK] " * 9]


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def chunk_hashes(items, count):
    return [fnv(b"".join(items[i:i + count])) for i in range(0, len(items), count)]


def write_lines(name, lines):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def byte_offsets(encoding, texts):
    """The library's Python side counts scalars; a special token of the template belongs to no text."""
    ends = [[0] for _ in texts]
    for text, places in zip(texts, ends):
        for scalar in text:
            places.append(places[-1] + len(scalar.encode()))
    flat = []
    for (start, end), sequence in zip(encoding.offsets, encoding.sequence_ids):
        flat += [0, 0] if sequence is None else [ends[sequence][start], ends[sequence][end]]
    return flat


def hostile_line(tokenizer, text, pair, length):
    tokenizer.no_truncation()
    if length is not None:
        tokenizer.enable_truncation(length, strategy="longest_first")
    encoding = tokenizer.encode(text, pair)
    return json.dumps({"text": text, "pair": pair, "maxLength": length, "ids": encoding.ids,
                       "types": encoding.type_ids,
                       "offsets": byte_offsets(encoding, [text] if pair is None else [text, pair])})


def hostile(tokenizer):
    cases = [(text, None, None) for text in TEXTS] + [(*pair, None) for pair in PAIRS]
    cases += [(TEXTS[i], TEXTS[i + 1], None) for i in range(0, len(TEXTS) - 1, 2)]
    cases += [(text, None, length) for text in CUT_TEXTS for length in SINGLE_LENGTHS]
    cases += [(*pair, length) for pair in PAIRS for length in PAIR_LENGTHS]
    write_lines("hostile.jsonl", [hostile_line(tokenizer, *case) for case in cases])


def wordnet_glosses():
    for part in ("noun", "verb"):
        with open(os.path.join(WORDNET, f"data.{part}"), encoding="utf-8") as file:
            for line in file:
                if not line.startswith("  "):
                    yield line.split("| ", 1)[1].split("; ")[0].strip()


def glosses(tokenizer):
    tokenizer.no_truncation()
    encodings = tokenizer.encode_batch(list(wordnet_glosses()))
    items = [struct.pack(f"<{len(e.ids)}i", *e.ids) + b"\xff\xff\xff\xff" for e in encodings]
    write_lines("glosses.txt", chunk_hashes(items, GLOSSES_PER_HASH))


def scalars():
    normalizer, splitter = BertNormalizer(), BertPreTokenizer()

    def words(code):
        if 0xD800 <= code <= 0xDFFF:
            return b""
        split = splitter.pre_tokenize_str(normalizer.normalize_str("a" + chr(code) + "b"))
        return b"".join(word.encode("utf-32-le") + b"\xff\xff\xff\xff" for word, _ in split) + b"\xfe\xff\xff\xff"

    write_lines("scalars.txt", chunk_hashes([words(code) for code in range(0x110000)], SCALARS_PER_HASH))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    tokenizer = Tokenizer.from_file(MODEL)
    tokenizer.no_padding()
    hostile(tokenizer)
    glosses(tokenizer)
    scalars()


if __name__ == "__main__":
    main()
