#!/usr/bin/env python3
"""Write the goldens of the tokenizers of decoders, with Hugging Face tokenizers.

Everything goes to Tests/Goldens/tokenizer/decoders:

NAME.json           a small tokenizer trained on texts of many scripts, with the parts, expressions and settings that a
                    model family ships
texts.jsonl         hostile texts, one JSON string a line
NAME.hashes.txt     one line per text, four hashes (FNV-1a-64 over little-endian int32, the first eight digits of each):
                    ids, offsets (UTF-8 bytes, start and end of each token), the UTF-8 bytes of the decoded text with
                    special tokens, and without
NAME.cuts.txt       the same of texts cut after each id in turn: one hash over all decoded beginnings (the first texts)
NAME.scalars.txt    of some, one hash per 4,096 scalars over the words of a text around each scalar, as in tokenizer/subword
expressions.json    matches of expressions in texts: [expression, behavior, invert, text, pieces]
classes.json        name of each class of scalars in expressions to one hash over all its scalars

    python3 scripts/goldens/tokenizer_decoders.py   # tokenizers 0.23.3
"""

import json
import os
import random
import struct

from tokenizer import fnv
from tokenizer_bpe_unigram import HOSTILE, LANGUAGES, POOL, SCALARS_PER_HASH
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Assigned ones: the ideographs of plane 2 are as those of plane 0.
SCALARS = [*range(0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE0200)]
WITH_SCALARS = ["llama3", "gpt-4o", "deepseek"]
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "decoders")

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + SPACES
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES)
GPT4O = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES)
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
            r"\s*[\r\n]+|\s+(?!\S)|\s+"]
DEEPSEEK_CODER = [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"]

CHAT = [
    "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_end|>", "a<|im_end|>b", " <|im_end|> x",
    "<|im_start", "<|im_end|", "<tool_call>\n{}\n</tool_call>", "<s>[INST] hi [/INST]</s>", "<s> <s>", "a</s>b</s> c",
    "<0x0A><0xE2>", "\n\n\n", "\n", " \n \n", "\r\n\r\n", "x\r\n\r\ny", "a\n b\n  c\n   d", "\t\tif x:\n\t\t\treturn 1", "    pass\n    ",
    "He'LL we'Re I'M you'D it'S can'T they'VE", "'ſ 'ſx x'ſ 'S's", "camelCaseWord XMLHttpRequest ABCdef ABC aB ǅabc", "1 12 123 1234 12345 1234567",
    "a1b22c333d4444", "①②③④⑤ ½¾ ٣٤٥٦", "path/to/file.txt //comment /n/", "!!! ??? ... --- ///\n\n", "e\u0301e\u0301 \u0301\u0301 a\u0301b",
    "नमस्ते दुनिया १२३४", "ภาษาไทย ๑๒๓", "مَرْحَبًا بالعالم ١٢٣", "中文，字符。１２３", "日本語テキスト ｶﾞ", "👨‍👩‍👧‍👦🏳️‍🌈 👍🏽!", "\u200b\u200c\u200d\ufeff", "a\u00a0\u00a0b\u2003 c",
    "\x00\x01\x7f\x80", "\U0010ffff\ue000", " " * 7 + "x" + " " * 9, "▁▁ ▁a▁", "“quotes” ‘x’ — –", "€5 £6 ¥7 ∑ ± ÷", "𝔘𝔫𝔦 𝟘𝟙",
]


def hashed(values):
    return fnv(struct.pack(f"<{len(values)}I", *(value & 0xFFFFFFFF for value in values)))


def bytes_of(text):
    return list(text.encode("utf-8"))


def corpus():
    return LANGUAGES * 4 + CHAT * 3 + [
        "The quick brown fox jumps over the lazy dog. It's what they'd say, we'll see; I'm sure you're right.",
        "def main(arguments):\n    for argument in arguments:\n        print(argument, 12345)\n    return 0\n",
        "In 2024, 1,234,567 people visited https://example.com/path?query=1&other=2 at 12:30.",
    ] * 5


def texts():
    rng = random.Random(22)
    made = ["".join(rng.choice(POOL + CHAT) for _ in range(rng.randrange(1, 25))) for _ in range(400)]
    return ["", " ", "a", *CHAT, *HOSTILE, *LANGUAGES, *made]


def byte_level(pre_tokenizer, special, chat=("<|im_start|>", "<|im_end|>"), normalizer=None, size=700, bos=None, plain=(), **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in chat])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in plain])
    if bos:
        template = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def split(*expressions, last=None):
    parts = [pre_tokenizers.Split(Regex(expression), "isolated") for expression in expressions]
    return pre_tokenizers.Sequence(parts + [last or pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def fallback(normalizer, pre_tokenizer, decoder, template="<s> $A", size=900, special=("<unk>", "<s>", "</s>"), added=()):
    """SentencePiece's BPE as converters write it: bytes in the vocabulary, marks for spaces."""
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer:
        tokenizer.normalizer = normalizer
    # Trained by words, for pairs across words are rare in real vocabularies.
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=[*special, *byte_tokens], limit_alphabet=200, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    tokenizer.model = models.BPE(
        vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    start = template.split()[0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} {start}:1 $B:1", special_tokens=[(start, tokenizer.token_to_id(start))])
    return tokenizer


def marks():
    return [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def tokenizers():
    legacy = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    stripped = decoders.Sequence(marks() + [decoders.Strip(" ", 1, 0)])
    digits = pre_tokenizers.Digits(individual_digits=True)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    end = ["<|endoftext|>"]
    return {
        "llama3": byte_level(split(LLAMA3), [], bos="<|begin_of_text|>", chat=["<|begin_of_text|>", "<|im_start|>", "<|im_end|>"], ignore_merges=True),
        "qwen2": byte_level(split(QWEN2), end, normalizer=normalizers.NFC(), plain=["<tool_call>", "</tool_call>"]),
        "qwen35": byte_level(split(QWEN35), end, normalizer=normalizers.NFC()),
        "smollm2": byte_level(pre_tokenizers.Sequence([digits, gpt2]), end),
        "gpt2": byte_level(gpt2, end),
        "neox": byte_level(gpt2, end, normalizer=normalizers.NFC(), plain=["  ", "   ", "    ", "        "]),
        "tekken": byte_level(split(TEKKEN), ["<unk>", "<s>", "</s>"], bos="<s>", ignore_merges=True),
        "gpt-4o": byte_level(split(GPT4O), end),
        "cl100k": byte_level(split(CL100K), end),
        "deepseek": byte_level(split(*DEEPSEEK), end),
        "deepseek-coder": byte_level(split(*DEEPSEEK_CODER, last=pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(False, use_regex=False)])), end),
        "falcon": byte_level(pre_tokenizers.Sequence([
            pre_tokenizers.Punctuation("contiguous"), gpt2, pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]), end),
        "llama2": fallback(legacy, None, stripped, added=[
            AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True, rstrip=True), AddedToken("[INST]", normalized=True, special=False),
            AddedToken("camel", normalized=False, special=False, lstrip=True)]),
        "llama-new": fallback(None, pre_tokenizers.Metaspace("▁", "first", False), stripped),
        "mistral": fallback(None, pre_tokenizers.Metaspace("▁", "always", False), stripped),
        "gemma": fallback(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"), decoders.Sequence(marks()), added=[
            AddedToken("\n\n", normalized=False, special=False), AddedToken("▁▁", normalized=False, special=False), AddedToken("<|im_end|>", special=True)]),
    }


def encoded(tokenizer, text):
    encoding = tokenizer.encode(text)
    starts = [0]
    for scalar in text:
        starts.append(starts[-1] + len(scalar.encode("utf-8")))
    return encoding.ids, [starts[place] for pair in encoding.offsets for place in pair]


def words(tokenizer, text):
    normalized = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
    pieces = tokenizer.pre_tokenizer.pre_tokenize_str(normalized) if tokenizer.pre_tokenizer else [(normalized, None)]
    return [word for word, _ in pieces if word]


def write_tokenizer(name, tokenizer, lines):
    def path(end):
        return os.path.join(FOLDER, f"{name}.{end}")

    content = json.loads(tokenizer.to_str())
    with open(path("json"), "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
    with open(path("hashes.txt"), "w") as file:
        for text in lines:
            ids, offsets = encoded(tokenizer, text)
            parts = [ids, offsets, bytes_of(tokenizer.decode(ids, skip_special_tokens=False)), bytes_of(tokenizer.decode(ids))]
            print(*(hashed(part)[:8] for part in parts), file=file)
    with open(path("cuts.txt"), "w") as file:
        for text in lines[:80]:
            ids = encoded(tokenizer, text)[0]
            print(hashed([byte for end in range(len(ids) + 1) for byte in [*bytes_of(tokenizer.decode(ids[:end])), -1]])[:8], file=file)
    if name not in WITH_SCALARS:
        return
    with open(path("scalars.txt"), "w") as file:
        for start in range(0, len(SCALARS), SCALARS_PER_HASH):
            values = []
            for code in SCALARS[start:start + SCALARS_PER_HASH]:
                for word in words(tokenizer, f"a{chr(code)} ª{chr(code)}\u0301b9{chr(code)}é"):
                    values += [ord(scalar) for scalar in word] + [0xFFFFFFFF]
                values.append(0xFFFFFFFE)
            print(hashed(values), file=file)


EXPRESSIONS = [
    "a", "a|ab", "ab|a", "(a|ab)(c|bcd)", "a*", "a+?", "a*?b", "(?:a|b)*c", "(?:a?)*b", "(?:)", "x?", "[^a]", "[a-c]+", r"[\]\-\\]", "a{2}", "a{2,}",
    "a{,2}", "a{1,3}?", "(?i:abc)", "(?i:K)s", "(?i:[a-z&&x]|q)", r"\s+$", "a$", "$", r"\n$", r"(?=b)", r"a(?=b)", r"a(?!b)", "(?:a(?=b)|b)+", r"\d{1,3}(?=(?:\d{3}){0,4}$)",
    "a++b", "a?+a", r"[\S\n]+", r"\S+", r"\P{L}+", r"\p{^L}+", r"[\P{L}a]+", ".", "(?:.|\n)+", r"[^\n]+|[\n]+", "(a*)*b", "(?:a|aa)+$", "-", r"\.", "[a\\-c]", "[-a]", "[a-]",
    r"\t|\r\n|\f|\v", "é+", "[à-é]", "(?:(?:ab)+c?)*d", " ?[^(\\s|.,!?…。，、।۔،)]+",
]
SUBJECTS = ["", "a", "aab abc abcd", "aaab aaa b", "xaaay\n\nb\na", "ABC abc aBc Ks ſk \u212as", "  a b  \n", "1234567 12 1234", "]-\\ a-c", "\t\r\n\f\v é\u0301 à", "aaaaaaaaaaab", "ababcabd abd", "…a,b。c", "\n"]


def expressions():
    cases = []
    for expression in EXPRESSIONS:
        if "&&" in expression:
            continue
        for index, text in enumerate(SUBJECTS):
            for behavior in ["isolated", "removed", "contiguous", "merged_with_previous", "merged_with_next"] if index in (2, 3, 4) else ["isolated"]:
                for invert in (False, True):
                    if invert and index not in (2, 4):
                        continue
                    pieces = pre_tokenizers.Split(Regex(expression), behavior, invert).pre_tokenize_str(text)
                    name = "".join(part.capitalize() for part in behavior.split("_"))
                    cases.append([expression, name, invert, text, [piece for piece, _ in pieces]])
    return cases


CLASSES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So",
           "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn", "L", "M", "N", "P", "S", "Z"]


def classes():
    every = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    hashes = {}
    for name in [*(rf"\p{{{name}}}" for name in CLASSES), r"\s", r"\d", ".", "(?i:s)", "(?i:k)", "(?i:t)"]:
        members = []
        keep = pre_tokenizers.Split(Regex(name + "+" if name[0] != "(" else name), "removed", invert=True)
        for start in range(0, len(every), 20000):
            part = every[start:start + 20000]
            for _, (first, last) in keep.pre_tokenize_str("".join(map(chr, part))):
                members += part[first:last]
        hashes[name] = hashed(members)
    return hashes


def main():
    os.makedirs(FOLDER, exist_ok=True)
    lines = texts()
    with open(os.path.join(FOLDER, "texts.jsonl"), "w", encoding="utf-8") as file:
        for text in lines:
            print(json.dumps(text), file=file)
    for name, tokenizer in tokenizers().items():
        write_tokenizer(name, tokenizer, lines)
    for name, content in [("expressions", expressions()), ("classes", classes())]:
        with open(os.path.join(FOLDER, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    main()
