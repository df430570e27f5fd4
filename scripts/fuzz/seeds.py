#!/usr/bin/env python3
"""Writes Tests/FuzzTests/corpus/TARGET/seed-*: small real inputs, from the goldens, for fuzzing to start from.

The form of each target's input is in Tests/FuzzEntries. Needs nothing but Python."""
import base64
import hashlib
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests/Goldens"
CORPUS = ROOT / "Tests/FuzzTests/corpus"
SEPARATOR = b"\x1e"


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(content)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def safetensors(tensors):
    """tensors: name to (shape, floats)"""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        own = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(own)]}
        data += own
    text = compact(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def gguf():
    """A tensor of one block in each format of more than one scale, and the alignment"""
    def text(name):
        return struct.pack("<Q", len(name)) + name.encode()

    header = b"GGUF" + struct.pack("<IQQ", 3, 7, 1) + text("general.alignment") + struct.pack("<II", 4, 16)
    data = b""
    for number, columns, size in [(2, 32, 18), (10, 256, 84), (11, 256, 110), (12, 256, 144), (14, 256, 210),
                                  (23, 256, 136), (39, 32, 17)]:
        header += text(f"t{number}") + struct.pack("<IQIQ", 1, columns, number, len(data))
        data += bytes(index % 60 for index in range(size)) + bytes(-size % 16)
    return header + bytes(-len(header) % 16) + data


def tokenizers():
    subword = GOLDENS / "tokenizer/subword"
    for name in ["mpnet", "roberta", "deberta-v2", "albert", "byte-fallback", "clip-partial", "words"]:
        file = json.loads((subword / f"{name}.json").read_text())
        model = file["model"]
        vocabulary = model["vocab"]
        if isinstance(vocabulary, list):
            model["vocab"] = vocabulary[:30]
        else:
            # Ids without a gap, so that added tokens keep theirs.
            kept = sorted(vocabulary, key=vocabulary.get)[:30]
            model["vocab"] = {token: index for index, token in enumerate(kept)}
            if "merges" in model:
                parts = [m if isinstance(m, list) else m.split(" ") for m in model["merges"]]
                model["merges"] = [p for p in parts if {p[0], p[1], p[0] + p[1]} <= set(kept)]
        known = {t[0] for t in model["vocab"]} if isinstance(vocabulary, list) else set(model["vocab"])
        file["added_tokens"] = [t for t in file["added_tokens"] if t["content"] in known]
        # A trie of one unit that knows nothing, and one replacement.
        charsmap = base64.b64encode(struct.pack("<II", 4, 0) + b"a\0").decode()
        write("tokenizer", name, compact(file).replace(b"@charsmap", charsmap.encode()))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "a", ".", "naive"]
    settings = {"do_lower_case": True, "strip_accents": None, "tokenizer_class": "BertTokenizer"}
    write("tokenizer", "vocab", "\n".join(words).encode() + b"\n" + SEPARATOR + compact(settings))


def pieces():
    """SigLIP's, as it is and with a table of one unit that knows nothing"""
    folders = json.loads((GOLDENS / "tokenizer/towers.json").read_text())["folders"]
    bare = base64.b64decode(next(folder["pieces"] for folder in folders if folder["name"] == "siglip: identity"))
    table = struct.pack("<II", 4, 0) + b"a\0"
    write("pieces", "bare", bare)
    write("pieces", "table", bare + bytes([0x1A, len(table) + 2, 0x12, len(table)]) + table)


# Of Llama 3, GPT-2 and DeepSeek's models, and what Oniguruma has besides.
EXPRESSIONS = [
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "[一-龥぀-ゟ゠-ヿ]+", "(a|b)*?c{2,}$|[^\\s_a-f]|(?=x)",
]


def vocabularies():
    words = ["<s>", "</s>", "<pad>", "▁", "a", "▁a", "t", "at", "▁at", "e", "he", "▁the"]
    scored = {"model": "llama", "tokens": words, "bytes": "names", "scores": [0, 0, 0] + [-n for n in range(3, len(words))],
              "token_type": [3, 3, 3] + [1] * (len(words) - 3), "bos_token_id": 0, "eos_token_id": 1, "add_bos_token": True}
    write("vocabulary", "scored", compact(scored))
    write("vocabulary", "unprefixed", compact(scored | {"add_space_prefix": False, "add_eos_token": True, "padding_token_id": 2}))
    # User-defined, unused and unknown tokens, ties of scores, and one that no model has
    kinds = words + ["<img>", "▁▁", "\n", "漢", "字", "漢字", "{}", "aa", "aaa"]
    write("vocabulary", "scored-kinds", compact(scored | {
        "tokens": kinds, "scores": [0] * len(words) + [0, -1, -1, -2, -2, -1.5, 1e30, -3, -3],
        "token_type": [2, 3, 3] + [1] * (len(words) - 3) + [4, 4, 1, 1, 1, 1, 5, 1, 1], "unknown_token_id": 0, "eot_token_id": 2}))
    # Pieces of a real model's, of which some come about in more ways than one
    golden = json.loads((GOLDENS / "tokenizer/gguf/scored.json").read_text())
    pieces = [(token, score) for token, score, kind in zip(golden["tokens"], golden["scores"], golden["token_types"]) if kind == 1]
    pieces = pieces[:40] + pieces[-40:]
    write("vocabulary", "scored-pieces", compact(scored | {
        "tokens": words[:3] + [token for token, _ in pieces], "scores": [0] * 3 + [score for _, score in pieces],
        "token_type": [2, 3, 3] + [1] * len(pieces), "add_bos_token": False, "add_space_prefix": False}))
    pairs = {"model": "gpt2", "pre": "llama-bpe", "tokens": ["<s>", "</s>", "Ġt", "he", "Ġthe", "<img>"], "bytes": "letters",
             "token_type": [3, 3, 1, 1, 1, 4], "merges": ["Ġ t", "h e", "Ġt he"], "bos_token_id": 0, "eos_token_id": 1, "general.name": "phi-3"}
    write("vocabulary", "pairs", compact(pairs))
    write("vocabulary", "qwen2", compact(pairs | {"pre": "qwen2", "eot_token_id": 1}))
    for number, expression in enumerate(EXPRESSIONS):
        text = "It'LL  cost 12345 £,\r\n\n naïve 漢字かな ab c cc\t"
        write("expression", str(number), bytes([2 * number + number // 2]) + expression.encode() + SEPARATOR + text.encode())


def data():
    rows = [
        (0, '{"text":"a film","label":"good"}\n{"text":"b\\u00e9","label":3}\n'),
        (1, 'sentence1,sentence2,label\n"a ""b""\n c",d,1\ne,f,2\n'),
        (2, "text\tlabel\na\tx\nb \"c\"\ty\n"),
        (3, '{"text":"a","labels":["x","y"]}\n\n{"text":"b","labels":[]}\n'),
        (4, "text,labels\na,x; y\nb,z\n"),
        (5, '{"tokens":["the","sea"],"ner_tags":[0,1]}\n'),
        (6, "-DOCSTART- O\n\nthe DT O\nsea NN B-X\n\na DT O\n"),
        (7, '{"id":"1","question":"q?","context":"the sea","answers":{"text":["sea"],"answer_start":[4]}}\n'),
        (8, '{"data":[{"paragraphs":[{"context":"the sea","qas":[{"id":"1","question":"q?",'
            '"answers":[{"text":"sea","answer_start":4}],"is_impossible":false}]}]}]}'),
    ]
    for number, text in rows:
        write("data", str(number), bytes([number]) + text.encode())


def adapters():
    prefix = "base_model.model.bert.encoder.layer.0.attention.self.query"
    head = {"base_model.model.classifier.weight": ([2, 32], [0.5] * 64),
            "base_model.model.classifier.bias": ([2], [0.0, 1.0])}
    common = {"target_modules": ["layer.0.attention.self.query"], "bias": "none", "task_type": "SEQ_CLS",
              "base_model_name_or_path": "bert", "modules_to_save": ["classifier"]}
    lora = common | {"peft_type": "LORA", "r": 1, "lora_alpha": 2, "use_rslora": False,
                     "rank_pattern": {}, "alpha_pattern": {"query": 4}}
    tensors = {f"{prefix}.lora_A.weight": ([1, 32], [0.25] * 32), f"{prefix}.lora_B.weight": ([32, 1], [1.0] * 32)}
    write("adapter", "lora", compact(lora) + SEPARATOR + safetensors(tensors | head))
    adalora = common | {"peft_type": "ADALORA", "init_r": 2, "lora_alpha": 2, "target_modules": r".*\.0\.(.*query)",
                        "rank_pattern": {"bert.encoder.layer.0.attention.self.query.lora_E": [True, False]}}
    tensors = {f"{prefix}.lora_A": ([1, 32], [0.25] * 32), f"{prefix}.lora_E": ([1, 1], [2.0]),
               f"{prefix}.lora_B": ([32, 1], [1.0] * 32)}
    write("adapter", "adalora", compact(adalora) + SEPARATOR + safetensors(tensors | head))


def checkpoints():
    state = {"format": 3, "configuration": "seed: 1", "isEvaluationDue": False, "step": 7, "tokens": 99, "seconds": 1.5, "bestStep": 5, "bestValue": 0.5,
             "evaluationsWithoutImprovement": 0, "isCompacted": False, "eventOffset": 10, "rankOffset": 20,
             "tripletOffset": 30, "fingerprints": {"model": "1f", "train": "2e"},
             "triplets": [{"originalIndices": [0, 2], "births": [0, 0], "issued": 3, "initialRank": 3}],
             "masks": [[True, False]]}
    names = ["values", "adam.first", "adam.second", "importance.sensitivity", "importance.uncertainty"]
    text = compact(state)
    tensors = safetensors({n: ([3], [1.0, 2.0, 3.0]) for n in names})
    write("checkpoint", "small", SEPARATOR + text + SEPARATOR + tensors)
    files = {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
             for name, content in [("state.json", text), ("state.safetensors", tensors)]}
    manifest = compact({"format": 1, "files": files})
    write("checkpoint", "manifest", manifest + SEPARATOR + text + SEPARATOR + tensors)


def images():
    """Some of each kind"""
    for name in ["rgb-420.jpg", "progressive.jpg", "cmyk.jpg", "grey.jpg", "turned-6.jpg", "xmp.jpg", "palette-4.png", "rgb-16.png",
                 "interlaced-rgba-16.png", "exif-profile.png", "xmp-packed.png", "lossy.webp", "lossless.webp", "lossy-alpha.webp",
                 "exif.webp"]:
        write("image", name, (GOLDENS / "images/files" / name).read_bytes())
    for case in json.loads((GOLDENS / "images/processors.json").read_text())["cases"]:
        write("processor", case["name"], compact(case["config"]))


def blocks():
    """Rows of ggml's blocks as bytes, for which the format stands in the name"""
    header, data = {}, b""
    for name, rows, size in [("Q8_0.a", 2, 34), ("Q4_K.b", 1, 144), ("Q4_0.c", 3, 36)]:
        own = bytes(index % 60 for index in range(rows * size))
        header[name] = {"dtype": "U8", "shape": [rows, size], "data_offsets": [len(data), len(data) + len(own)]}
        data += own
    text = compact(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    for path in sorted((GOLDENS / "safetensors").rglob("*.safetensors")):
        write("safetensors", path.stem, path.read_bytes())
    write("safetensors", "blocks", blocks())
    write("gguf", "keys", (GOLDENS / "gguf/version2.gguf").read_bytes())
    write("gguf", "blocks", gguf())
    others = sorted(path for kind in ("encoders", "decoders") for path in (GOLDENS / kind).glob("*/model/config.json"))
    for path in [GOLDENS / "bert/model/config.json", *others]:
        write("config", path.parts[-3], compact(json.loads(path.read_text())))
    tokenizers()
    vocabularies()
    pieces()
    texts = ["The naïve cat's 12.5 £ “quotes” [MASK]", "Å\u0301ngström ﬁ①² 漢字かな \u1112\u1161\u11ab 한", "<s>  a\t\n\u00a0b</s> x²"]
    for number in range(7):
        write("text", str(number), bytes([number]) + texts[number % 3].encode())
    data()
    adapters()
    images()
    checkpoints()


main()
