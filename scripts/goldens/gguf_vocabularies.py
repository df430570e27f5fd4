#!/usr/bin/env python3
"""Write the goldens of GGUF vocabularies, with llama.cpp (xllamacpp's shared object).

Everything goes to Tests/Goldens/tokenizer/gguf:

bytes.json, scored.json   small vocabularies: tokens, token_types, and merges or scores
NAME.hashes.txt           NAME is a `tokenizer.ggml.pre`, or scored, scored-bare (no space before a text); one line per
                          text of tokenizer/decoders/texts.jsonl: FNV-1a-64 (the first eight digits) over the ids with
                          control tokens recognized, over those without, and over the bytes of the tokens of the first
NAME.classes.txt          for some, one hash per 4,096 scalars over the ids of a text around each scalar
defaults.json             for each NAME whether llama.cpp puts a BOS token before a text, and the ids of "a"

Needs gguf, sentencepiece and xllamacpp (2026.10.11549), after tokenizer_decoders.py.

    python3 scripts/goldens/gguf_vocabularies.py
    python3 scripts/goldens/gguf_vocabularies.py --check FILE.gguf FOLDER

The second writes the vocabulary of a real file to FOLDER and the ids of the texts, for
`ADALORA_GGUF_VOCABULARY=FOLDER swift test`.
"""

import ctypes
import io
import json
import os
import random
import sys
import tempfile

import gguf
import sentencepiece
import xllamacpp
from tokenizer_decoders import CHAT, SCALARS, SCALARS_PER_HASH, corpus, hashed
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "gguf")
TEXTS = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "decoders", "texts.jsonl")

PRES = [
    "llama-bpe", "dbrx", "qwen2", "qwen35", "minicpm5", "gpt-2", "smollm", "tekken", "gpt-4o", "deepseek-v3", "deepseek-coder", "falcon",
    "bailingmoe", "seed-coder", "default",
]
WITH_CLASSES = ["llama-bpe", "tekken", "deepseek-v3", "falcon", "qwen35"]
CONTROL, USER_DEFINED = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "<|im_start|>user"], ["<tool_call>", "</tool_call>", "[INST] hi", "INST] hi [", "    "]
NORMAL_TYPE, UNKNOWN_TYPE, CONTROL_TYPE, USER_TYPE, BYTE_TYPE = 1, 2, 3, 4, 6


class Opaque(ctypes.Structure):
    """A parameter structure that is handed over as it came, but for one byte."""
    _fields_ = [("bytes", ctypes.c_uint8 * 1024)]


def library():
    lib = ctypes.CDLL(os.path.join(os.path.dirname(xllamacpp.__file__), "xllamacpp.abi3.so"))
    lib.llama_model_default_params.restype = Opaque
    lib.llama_model_load_from_file.restype = ctypes.c_void_p
    lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Opaque]
    lib.llama_model_get_vocab.restype = ctypes.c_void_p
    lib.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
    lib.llama_vocab_get_add_bos.restype = ctypes.c_bool
    lib.llama_vocab_get_add_bos.argtypes = [ctypes.c_void_p]
    lib.llama_tokenize.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool, ctypes.c_bool]
    lib.llama_token_to_piece.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_bool]
    lib.silence = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
    lib.llama_log_set(lib.silence, None)
    lib.llama_backend_init()
    return lib


LIB = library()
# llama_model_params: eight pointers and three int32 before `vocab_only`.
VOCAB_ONLY = 72


class Vocabulary:
    def __init__(self, path):
        parameters = LIB.llama_model_default_params()
        assert parameters.bytes[VOCAB_ONLY] == 0
        parameters.bytes[VOCAB_ONLY] = 1
        model = LIB.llama_model_load_from_file(path.encode(), parameters)
        assert model, path
        self.vocabulary = LIB.llama_model_get_vocab(model)

    def ids(self, text, special=True, add=False):
        data = text.encode("utf-8")
        buffer = (ctypes.c_int32 * (len(data) + 16))()
        count = LIB.llama_tokenize(self.vocabulary, data, len(data), buffer, len(buffer), add, special)
        assert count >= 0
        return list(buffer[:count])

    def piece(self, token):
        buffer = ctypes.create_string_buffer(2048)
        count = LIB.llama_token_to_piece(self.vocabulary, token, buffer, 2048, 0, True)
        assert count >= 0
        return buffer.raw[:count]

    @property
    def adds_bos(self):
        return LIB.llama_vocab_get_add_bos(self.vocabulary)


def byte_vocabulary():
    tokenizer = Tokenizer(models.BPE())
    # Pairs across all borders, so that each border shows.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    # No pair makes a control token.
    tokenizer.train_from_iterator([line for line in corpus() if line not in CHAT], trainers.BpeTrainer(
        vocab_size=700, show_progress=False, max_token_length=6, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    types = [NORMAL_TYPE] * len(tokens) + [CONTROL_TYPE] * len(CONTROL) + [USER_TYPE] * len(USER_DEFINED)
    return {"tokens": tokens + CONTROL + USER_DEFINED, "token_types": types, "merges": [" ".join(merge) for merge in model["merges"]]}


def scored_vocabulary():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type="bpe", vocab_size=1000, byte_fallback=True,
        character_coverage=0.99, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, hard_vocab_limit=False,
        control_symbols=["<|im_start|>", "<|im_end|>"], user_defined_symbols=["<tool_call>", "[INST]", "INST] hi ["], minloglevel=2)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    tokens, scores, types = [], [], []
    for token in range(processor.get_piece_size()):
        tokens.append(processor.id_to_piece(token))
        scores.append(processor.get_score(token))
        kind = NORMAL_TYPE
        if processor.is_unknown(token):
            kind = UNKNOWN_TYPE
        elif processor.is_control(token):
            kind = CONTROL_TYPE
        elif processor.is_byte(token):
            kind = BYTE_TYPE
        elif tokens[-1] in ("<tool_call>", "[INST]", "INST] hi ["):
            kind = USER_TYPE
        types.append(kind)
    return {"tokens": tokens, "token_types": types, "scores": scores}


def write_gguf(path, content, pre=None, space=None):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2" if pre else "llama")
    writer.add_token_list(content["tokens"])
    writer.add_token_types(content["token_types"])
    if pre:
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges(content["merges"])
        writer.add_bos_token_id(content["tokens"].index("<s>"))
        writer.add_eos_token_id(content["tokens"].index("</s>"))
    else:
        writer.add_token_scores(content["scores"])
        writer.add_unk_token_id(0)
    if space is not None:
        writer.add_add_space_prefix(space)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def texts():
    with open(TEXTS, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write_hashes(name, vocabulary):
    with open(os.path.join(FOLDER, f"{name}.hashes.txt"), "w") as file:
        for text in texts():
            special, plain = vocabulary.ids(text), vocabulary.ids(text, special=False)
            pieces = b"".join(vocabulary.piece(token) for token in special)
            print(hashed(special)[:8], hashed(plain)[:8], hashed(list(pieces))[:8], file=file)
    if name not in WITH_CLASSES:
        return
    with open(os.path.join(FOLDER, f"{name}.classes.txt"), "w") as file:
        for start in range(0, len(SCALARS), SCALARS_PER_HASH):
            values = []
            for code in SCALARS[start:start + SCALARS_PER_HASH]:
                values += vocabulary.ids(f"a{chr(code)} ª{chr(code)}\u0301b9{chr(code)}é") + [-1]
            print(hashed(values), file=file)


def check(path, folder):
    """The vocabulary of a real file, for the test that reads it."""
    reader = gguf.GGUFReader(path)
    def value(key):
        field = reader.fields.get(f"tokenizer.ggml.{key}")
        return None if field is None else field.contents()
    content = {key: value(name) for key, name in [
        ("model", "model"), ("pre", "pre"), ("tokens", "tokens"), ("token_types", "token_type"), ("scores", "scores"), ("merges", "merges"),
        ("bos", "bos_token_id"), ("eos", "eos_token_id"), ("eot", "eot_token_id"), ("add_bos", "add_bos_token"), ("add_space", "add_space_prefix")]}
    vocabulary = Vocabulary(path)
    rng = random.Random(1)
    lines = texts() + [" ".join(rng.choice(corpus() + CHAT) for _ in range(20)) for _ in range(50)]
    content["texts"] = [[text, vocabulary.ids(text), vocabulary.ids(text, special=False), vocabulary.ids(text, add=True)] for text in lines]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocabulary.json"), "w", encoding="utf-8") as file:
        json.dump(content, file)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    made = {"bytes": byte_vocabulary(), "scored": scored_vocabulary()}
    for name, content in made.items():
        with open(os.path.join(FOLDER, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
    defaults = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vocabulary.gguf")
        for name in [*PRES, "scored", "scored-bare"]:
            if name in PRES:
                write_gguf(path, made["bytes"], pre=name)
            else:
                write_gguf(path, made["scored"], space=name == "scored")
            vocabulary = Vocabulary(path)
            write_hashes(name, vocabulary)
            defaults[name] = {"adds": vocabulary.adds_bos, "ids": vocabulary.ids("a", add=True)}
    with open(os.path.join(FOLDER, "defaults.json"), "w") as file:
        json.dump(defaults, file, indent=0)


if __name__ == "__main__":
    check(*sys.argv[2:]) if sys.argv[1:2] == ["--check"] else main()
