#!/usr/bin/env python3
"""Write what transformers' AutoTokenizer makes of tokenizer folders whose files say different things.

Tests/Goldens/tokenizer/folders.json:

question       and a context for it
parts          small vocabularies and whole files by name; "@NAME" stands for one, in folders and in other parts
texts          text, pair or null, longest sequence or null
folders        name; files (JSON objects, or text); hashes: for each text FNV-1a-64 over ids, -1, type ids as
               little-endian int32, the first eight digits; then one for the windows of a question on a long context.
               `differs`: whether tokenizer.json alone gives other ids for one of the texts. `fails`: transformers cannot
               open the folder or encode with it, and so there are no hashes.

    python3 scripts/goldens/tokenizer_folders.py   # transformers 5.24.0, tokenizers 0.23.3
"""

import json
import os
import struct
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import Tokenizer, pre_tokenizers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402
from transformers.utils import logging  # noqa: E402

logging.set_verbosity_error()
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
OUT = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "folders.json")

TEXTS = [
    ("The Good Movie", None, None), ("John works at Google", None, None), ("café Ünïted CAFÉ", None, None),
    ("中文 good字", None, None), ("a [MASK] b", None, None), ("a  [mask]  b [Mask]x", None, None),
    ("<mask> a <s> b</s>", None, None), ("a   <mask>b", None, None), ("x [PAD] <pad> y [UNK] <unk>", None, None),
    ("NEW1 new1 tok2 Tok2 <x>a<y> <X>", None, None), ("don't  stop\tnow\n", None, None), ("``quoted'' a,b!", None, None),
    ("", None, None), ("  spaces   inside  ", None, None), ("[CLS] a [SEP] <unk>NOTUSED", None, None),
    ("ｆｕｌｌ①ﬁ ﷺ ñandú", None, None), ("the good movie", "a good day", None), ("The end. (x)", "café [SEP] b", None),
    ("the good movie is a good movie", None, 6), ("the good movie is good", "a bad day at the end of it", 10),
    ("zzq " + "abcdefghij" * 11, None, None),
]
QUESTION, CONTEXT = "good day", "the good movie is a good movie and the day at Google is a bad day at the end"

WORDS = (
    "the good movie is a bad day at end of it and stop now don ' t inside spaces quoted works john google united cafe an new1 "
    "tok2 The Good Movie John Google café CAFÉ ünïted x y b , . ! ( ) `` ` ' \" 中 文 字 [ ] < > mask cls sep pad unk s / MASK").split()
PIECES = "##e ##s ##oo ##a ##b ##c ##d ##f ##g ##h ##i ##j ##n ##dú ##du ##q ##1 ##é".split()
LETTERS = list("acdefgijklmnopqrstuvwzACEFGJM")


def word_piece(special):
    return {token: index for index, token in enumerate(dict.fromkeys(special + WORDS + PIECES + LETTERS + ["ñ", "①", "ﬁ"]))}


def unigram(special):
    tokens = [f"▁{word}" for word in WORDS] + ["▁", *"abcdefghijklmnopqrstuvwxyzACEFGJM.,!()'\"`<>[]/é1", "oo", "ood", "中", "文", "①", "1", "fi", "ll"]
    scored = dict.fromkeys(tokens)
    return [[token, 0.0] for token in special] + [[token, -2.0 - 0.125 * (index % 40) - 3 * (len(token) < 2)]
                                                  for index, token in enumerate(scored) if token not in special]


def byte_pairs():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    merges = "o o|oo d|g ood|Ġ good|t h|th e|Ġ the|Ġ a|Ġ g|m o|Ġ mo|i e|v ie|Ġmo vie|mo vie|T h|Th e|Ġ d|a y|Ġd ay|n e|Ġ b|Ġb a".split("|")
    for merge in merges:
        vocabulary["".join(merge.split())] = len(vocabulary)
    vocabulary["<mask>"] = len(vocabulary)
    return vocabulary, merges


def word_end_pairs():
    """CLIP's: the last letter of a word has a mark, and no word has a space."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = "o o|g oo|goo d</w>|t h|th e</w>|m o|mo v|i e</w>|mov ie</w>|d a|da y</w>|i s</w>|c a|f Ã|ca fÃ|cafÃ ©</w>|' s</w>".split("|")
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(merge.split()) for merge in merges]
    return {token: index for index, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}, merges


BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAIR_VOCABULARY, MERGES = byte_pairs()
END_VOCABULARY, END_MERGES = word_end_pairs()
VOCABULARIES = {
    "words": word_piece(BERT_SPECIAL), "mpnet": word_piece(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]),
    "list": "\n".join(word_piece(BERT_SPECIAL)) + "\n", "mpnet-list": "\n".join(word_piece(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])) + "\n",
    "bytes": PAIR_VOCABULARY, "merges": MERGES, "merge-list": "#version: 0.2\n" + "\n".join(MERGES) + "\n",
    "ends": END_VOCABULARY, "end-merges": END_MERGES, "end-merge-list": "#version: 0.2\n" + "\n".join(END_MERGES) + "\n",
    "xlm": unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
    "camembert": unigram(["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"]),
    "albert": unigram(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]),
    "deberta": unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]),
}


def added(tokens, vocabulary, **flags):
    names = VOCABULARIES[vocabulary]
    names = names if isinstance(names, dict) else {token: index for index, (token, _) in enumerate(names)}
    return [{"id": names[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True, **flags} for token in tokens]


def around(kind, start, end):
    if kind == "xlm":
        parts = [{"SpecialToken": {"id": name, "type_id": 0}} if name in (start[0], end[0]) else {"Sequence": {"id": name, "type_id": 0}}
                 for name in (start[0], "A", end[0], end[0], "B", end[0])]
        return {"type": "TemplateProcessing", "single": parts[:3], "pair": parts, "special_tokens": {
            name: {"id": name, "ids": [number], "tokens": [name]} for name, number in (start, end)}}
    if kind == "roberta":
        return {"type": "RobertaProcessing", "cls": list(start), "sep": list(end), "trim_offsets": True, "add_prefix_space": False}
    (cls, first), (sep, last) = start, end
    part = lambda name, kind: {"SpecialToken": {"id": name, "type_id": kind}}  # noqa: E731
    text = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}  # noqa: E731
    single = [part(cls, 0), text("A", 0), part(sep, 0)]
    return {"type": "TemplateProcessing", "single": single, "pair": single + [text("B", 1), part(sep, 1)],
            "special_tokens": {cls: {"id": cls, "ids": [first], "tokens": [cls]}, sep: {"id": sep, "ids": [last], "tokens": [sep]}}}


def bert_json(vocabulary="words", lowercase=True, accents=None, chinese=True, **other):
    mpnet = vocabulary == "mpnet"
    special = list(VOCABULARIES[vocabulary])[:5]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added(special, vocabulary),
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": chinese, "strip_accents": accents,
                       "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": around("roberta", ("<s>", 0), ("</s>", 2)) if mpnet else around("bert", ("[CLS]", 2), ("[SEP]", 3)),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": "@" + vocabulary}, **other}


def roberta_json(prefix=False, **other):
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added(["<s>", "<pad>", "</s>", "<unk>"], "bytes") + added(["<mask>"], "bytes", lstrip=True),
        "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True},
        "post_processor": {**around("roberta", ("<s>", 0), ("</s>", 2)), "add_prefix_space": prefix},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
                  "fuse_unk": False, "vocab": "@bytes", "merges": "@merges"}, **other}


def unigram_json(vocabulary, unknown, start, end, mask, normalizer=None, splits=True, kind="xlm", scheme="always", **other):
    names = {token: index for index, (token, _) in enumerate(VOCABULARIES[vocabulary])}
    steps = [{"type": "WhitespaceSplit"}] if splits else []
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added([token for token in names if token[0] in "<[" and token[-1] in ">]" and len(token) > 2 and token != mask], vocabulary)
        + added([mask], vocabulary, lstrip=True),
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}]},
        "post_processor": around(kind, (start, names[start]), (end, names[end])), "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": names[unknown], "vocab": "@" + vocabulary, "byte_fallback": False}, **other}


def clip_json(**other):
    start, end = ("<|startoftext|>", END_VOCABULARY["<|startoftext|>"]), ("<|endoftext|>", END_VOCABULARY["<|endoftext|>"])
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added([start[0]], "ends", normalized=True) + added([end[0]], "ends"),
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "behavior": "Removed", "invert": True, "pattern": {
                "Regex": r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"}},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": {"type": "RobertaProcessing", "cls": list(start), "sep": list(end), "trim_offsets": False, "add_prefix_space": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": end[0], "continuing_subword_prefix": "", "end_of_word_suffix": "</w>",
                  "fuse_unk": False, "vocab": "@ends", "merges": "@end-merges"}, **other}


XLM = {"vocabulary": "xlm", "unknown": "<unk>", "start": "<s>", "end": "</s>", "mask": "<mask>"}
CAMEMBERT = {**XLM, "vocabulary": "camembert"}
ALBERT = {"vocabulary": "albert", "unknown": "<unk>", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]", "kind": "bert",
          "normalizer": {"type": "Sequence", "normalizers": [
              {"type": "Replace", "pattern": {"String": "``"}, "content": "\""}, {"type": "Replace", "pattern": {"String": "''"}, "content": "\""},
              {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]}}
DEBERTA = {"vocabulary": "deberta", "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]", "kind": "bert", "splits": False,
           "normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": True},
                                                              {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}}

KINDS = {
    "bert": ("bert", "BertTokenizer", bert_json), "mpnet": ("mpnet", "MPNetTokenizer", lambda **k: bert_json("mpnet", **k)),
    "roberta": ("roberta", "RobertaTokenizer", roberta_json), "xlm-roberta": ("xlm-roberta", "XLMRobertaTokenizer", lambda **k: unigram_json(**{**XLM, **k})),
    "camembert": ("camembert", "CamembertTokenizer", lambda **k: unigram_json(**{**CAMEMBERT, **k})),
    "albert": ("albert", "AlbertTokenizer", lambda **k: unigram_json(**{**ALBERT, **k})),
    "deberta-v2": ("deberta-v2", "DebertaV2Tokenizer", lambda **k: unigram_json(**{**DEBERTA, **k})),
}
# Whole files too, for they stand in many folders.
PARTS = {**VOCABULARIES, **{f"{kind}.json": make() for kind, (_, _, make) in KINDS.items()}}
FLAGS = {
    "bert": ["do_lower_case", "strip_accents", "tokenize_chinese_chars"], "mpnet": ["do_lower_case", "strip_accents", "tokenize_chinese_chars"],
    "roberta": ["add_prefix_space", "trim_offsets", "do_lower_case"], "xlm-roberta": ["add_prefix_space", "do_lower_case", "keep_accents"],
    "camembert": ["add_prefix_space", "keep_accents"], "albert": ["do_lower_case", "keep_accents", "add_prefix_space"],
    "deberta-v2": ["do_lower_case", "split_by_punct", "add_prefix_space"],
}
TOKEN = {"content": "<x>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": True}


def end_of(kind):
    vocabulary = {"bert": "words", "mpnet": "mpnet", "roberta": "bytes", "xlm-roberta": "xlm", "camembert": "camembert", "albert": "albert",
                  "deberta-v2": "deberta"}[kind]
    return len(VOCABULARIES[vocabulary])


def folders():
    for kind, (model_type, name, make) in KINDS.items():
        config = {"model_type": model_type}
        size = end_of(kind)

        def folder(label, settings=None, whole=None, **files):
            content = {"config.json": config, "tokenizer.json": f"@{kind}.json" if whole is None else whole}
            if settings is not None:
                content["tokenizer_config.json"] = settings
            return f"{kind}: {label}", {**content, **files}

        yield folder("tokenizer.json alone")
        yield folder("no setting", {})
        for flag in FLAGS[kind]:
            for value in (True, False, None):
                if value is None and flag in ("do_lower_case", "tokenize_chinese_chars", "trim_offsets"):
                    continue
                yield folder(f"{flag} {value}", {"tokenizer_class": name, flag: value})
        for side in ("left", "right"):
            yield folder(f"truncation_side {side}", {"tokenizer_class": name + "Fast", "truncation_side": side})
            yield folder(f"padding_side {side}", {"padding_side": side})
        yield folder("truncation in tokenizer.json", {}, make(truncation={"direction": "Left", "max_length": 5, "strategy": "LongestFirst", "stride": 0},
                                                              padding={"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None,
                                                                       "pad_id": 1, "pad_type_id": 0, "pad_token": "<x>"}))
        for value in (True, False):
            yield folder(f"split_special_tokens {value}", {"tokenizer_class": name, "split_special_tokens": value})
            yield folder(f"add_bos_token {value}", {"add_bos_token": value, "add_eos_token": not value})
        for inputs in (["input_ids", "token_type_ids", "attention_mask"], ["input_ids", "attention_mask"]):
            yield folder(f"{len(inputs)} inputs", {"model_input_names": inputs})
        yield folder("short model_max_length", {"model_max_length": 5})
        for other in ("PreTrainedTokenizerFast", "TokenizersBackend", "PreTrainedTokenizer", "NobodysTokenizer"):
            yield folder(other, {"tokenizer_class": other, "do_lower_case": False, "strip_accents": False, "add_prefix_space": True})
        yield folder("class in config.json", {"do_lower_case": False}, **{"config.json": {**config, "tokenizer_class": "PreTrainedTokenizerFast"}})
        yield folder("auto_map", {"auto_map": {"AutoTokenizer": ["a.A", "a.B"]}})
        # Tokens
        decoder = {str(size): TOKEN, str(size + 1): {**TOKEN, "content": "new1", "lstrip": False, "normalized": True, "special": False, "single_word": True}}
        yield folder("added_tokens_decoder", {"added_tokens_decoder": decoder})
        yield folder("added_tokens_decoder and class", {"added_tokens_decoder": decoder, "tokenizer_class": "PreTrainedTokenizerFast"})
        yield folder("other ids", {"added_tokens_decoder": {str(size + 5): TOKEN}})
        yield folder("added_tokens.json", {}, **{"added_tokens.json": {"<x>": size, "tok2": size + 1}})
        yield folder("added_tokens.json and map", {}, **{
            "added_tokens.json": {"<x>": size, "NEW1": size + 1}, "special_tokens_map.json": {"additional_special_tokens": ["<x>"], "mask_token": "<y>"}})
        yield folder("map with flags", {}, **{"special_tokens_map.json": {"mask_token": {**TOKEN, "content": "<y>", "lstrip": True, "rstrip": True}}})
        yield folder("map and decoder", {"added_tokens_decoder": decoder}, **{"special_tokens_map.json": {"mask_token": "<y>"}})
        yield folder("additional tokens", {"additional_special_tokens": ["<x>", "tok2"]})
        yield folder("extra tokens", {"extra_special_tokens": ["<x>"], "additional_special_tokens": ["<y>"]})
        yield folder("named extra tokens", {"extra_special_tokens": {"image_token": "<x>"}, "boi_token": "<y>"})
        yield folder("AddedToken in settings", {"mask_token": {"__type": "AddedToken", **TOKEN, "content": "<y>"}})
        yield folder("plain object in settings", {"mask_token": {**TOKEN, "content": "<y>"}})
        yield folder("no mask_token", {"mask_token": None})
        yield folder("pad is unk", {"pad_token": "<unk>" if kind not in ("bert", "mpnet", "deberta-v2") else "[UNK]"})
        yield folder("swapped ends", {"cls_token": "good" if kind in ("bert", "mpnet") else "oo", "sep_token": "b", "bos_token": "a", "eos_token": "b"})
        yield folder("unk_token", {"unk_token": "b"})
        whole = make()
        extra = {**TOKEN, "id": size, "content": "<y>", "lstrip": False, "normalized": True, "special": False}
        whole["added_tokens"] = whole["added_tokens"] + [extra]
        yield folder("added token in tokenizer.json", {}, whole)
        yield folder("added token not in decoder", {"added_tokens_decoder": {str(size): TOKEN}}, whole)
        yield folder("saved by transformers", None, "saved")
        yield folder("saved with switches", {FLAGS[kind][0]: kind in ("roberta", "deberta-v2"), "added_tokens_decoder": decoder}, "saved")
    yield from others()


def others():
    bert = {"model_type": "bert"}
    lower = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    yield "bert: cased file", {"config.json": bert, "tokenizer.json": bert_json(lowercase=False)}
    yield "bert: cased file, cased setting", {"config.json": bert, "tokenizer.json": bert_json(lowercase=False), "tokenizer_config.json": lower}
    yield "bert: other limits", {"config.json": bert, "tokenizer_config.json": {}, "tokenizer.json": bert_json(
        accents=True, chinese=False, model={**bert_json()["model"], "max_input_chars_per_word": 3, "unk_token": "[MASK]"})}
    for name in ("DistilBertTokenizer", "ElectraTokenizerFast", "MPNetTokenizer", "LayoutLMTokenizer"):
        yield f"bert: {name}", {"config.json": bert, "tokenizer.json": bert_json(), "tokenizer_config.json": {"tokenizer_class": name}}
    for model_type in ("distilbert", "electra"):
        yield f"{model_type}: cased", {"config.json": {"model_type": model_type}, "tokenizer.json": bert_json(), "tokenizer_config.json": lower}
    yield "bert: RoBERTa's class", {"config.json": bert, "tokenizer.json": roberta_json(), "tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer"}}
    yield "bert: XLM-R's class", {"config.json": bert, "tokenizer.json": unigram_json(**XLM), "tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer"}}
    yield "roberta: Longformer's class", {"config.json": {"model_type": "roberta"}, "tokenizer.json": roberta_json(), "tokenizer_config.json": {
        "tokenizer_class": "LongformerTokenizerFast", "add_prefix_space": True}}
    yield "xlm-roberta: spaces", {"config.json": {"model_type": "xlm-roberta"}, "tokenizer_config.json": {}, "tokenizer.json": unigram_json(**{
        **XLM, "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}})}
    yield "albert: no post_processor", {"config.json": {"model_type": "albert"}, "tokenizer_config.json": {}, "tokenizer.json": unigram_json(
        **{**ALBERT, "post_processor": None})}
    yield "deberta-v2: unk_id", {"config.json": {"model_type": "deberta-v2"}, "tokenizer.json": unigram_json(**DEBERTA), "tokenizer_config.json": {
        "unk_token": "▁is", "unk_id": 3}}
    yield "deberta-v2: first", {"config.json": {"model_type": "deberta-v2"}, "tokenizer.json": unigram_json(**{**DEBERTA, "scheme": "first"}),
                               "tokenizer_config.json": {"add_prefix_space": False}}
    # Without tokenizer.json
    for settings in (None, {}, {"do_lower_case": False}, {"strip_accents": True, "do_lower_case": False}, {"tokenize_chinese_chars": False},
                     {"additional_special_tokens": ["<x>"]}, {"mask_token": "<y>"}, {"model_input_names": ["input_ids"]},
                     {"tokenizer_class": "DistilBertTokenizer", "truncation_side": "left"}):
        files = {"config.json": bert, "vocab.txt": "@list"}
        yield f"vocab.txt: {settings}", files if settings is None else {**files, "tokenizer_config.json": settings}
    yield "vocab.txt: added_tokens.json", {"config.json": bert, "vocab.txt": "@list", "added_tokens.json": {"<x>": end_of("bert"), "new1": 9}}
    mpnet = {"config.json": {"model_type": "mpnet"}, "vocab.txt": "@mpnet-list"}
    for settings in ({}, {"do_lower_case": False}, {"mask_token": {"__type": "AddedToken", **TOKEN, "content": "<mask>", "lstrip": False}}):
        yield f"mpnet vocab.txt: {settings}", {**mpnet, "tokenizer_config.json": settings}
    pairs = {"config.json": {"model_type": "roberta"}, "vocab.json": "@bytes", "merges.txt": "@merge-list"}
    yield "vocab.json and merges.txt", pairs
    for settings in ({}, {"add_prefix_space": True}, {"mask_token": {"__type": "AddedToken", **TOKEN, "content": "<mask>"}},
                     {"tokenizer_class": "BartTokenizer", "truncation_side": "left"}, {"add_bos_token": True}):
        yield f"vocab.json and merges.txt: {settings}", {**pairs, "tokenizer_config.json": settings}
    yield "vocab.json and merges.txt: map", {**pairs, "special_tokens_map.json": {"mask_token": {**TOKEN, "content": "<mask>"}, "sep_token": "<x>"},
                                             "added_tokens.json": {"<x>": end_of("roberta")}}
    clip = {"model_type": "clip"}
    end = {"content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "__type": "AddedToken"}
    usual = {"unk_token": end, "bos_token": {**end, "content": "<|startoftext|>"}, "eos_token": end, "pad_token": "<|endoftext|>",
             "add_prefix_space": False, "errors": "replace", "do_lower_case": True, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    files = {"vocab.json": "@ends", "merges.txt": "@end-merge-list"}
    yield "clip: tokenizer.json alone", {"config.json": clip, "tokenizer.json": clip_json()}
    yield "clip: as published", {"config.json": clip, "tokenizer.json": clip_json(), "tokenizer_config.json": usual, **files}
    yield "clip: as it stands", {"config.json": clip, "tokenizer.json": clip_json(), "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}
    yield "clip: other padding", {"config.json": clip, "tokenizer.json": clip_json(), "tokenizer_config.json": {**usual, "pad_token": "!"}}
    yield "clip: vocab.json and merges.txt", {"config.json": clip, "tokenizer_config.json": usual, **files}
    yield "clip: vocab.json and merges.txt alone", {"config.json": clip, **files}
    yield "vocab.json, merges.txt and vocab.txt", {**pairs, "vocab.txt": "@list"}


def placed(value):
    """With the vocabularies themselves."""
    if isinstance(value, str) and value.startswith("@"):
        return placed(PARTS[value[1:]])
    if isinstance(value, dict):
        return {key: placed(part) for key, part in value.items()}
    return [placed(part) for part in value] if isinstance(value, list) else value


def write(files, folder):
    for name, content in files.items():
        content = placed(content)
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as file:
            file.write(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))


def fnv(numbers):
    value = 0xCBF29CE484222325
    for byte in struct.pack(f"<{len(numbers)}i", *numbers):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"[:8]


def numbers(tokenizer):
    for text, pair, longest in TEXTS:
        limit = {"truncation": True, "max_length": longest} if longest else {}
        encoding = tokenizer(text, pair, **limit) if pair is not None else tokenizer(text, **limit)
        ids = encoding["input_ids"]
        yield ids + [-1] + list(encoding.get("token_type_ids", [0] * len(ids)))
    windows = tokenizer(QUESTION, CONTEXT, truncation="only_second", max_length=28, stride=3, return_overflowing_tokens=True)
    yield [number for ids in windows["input_ids"] for number in ids + [-1]]


def opened(files, show=False):
    with tempfile.TemporaryDirectory() as folder:
        saved = files.get("tokenizer.json") == "saved"
        if saved:
            kind = next(kind for kind, (model_type, _, _) in KINDS.items() if model_type == files["config.json"]["model_type"])
            write({**files, "tokenizer.json": f"@{kind}.json"}, folder)
            AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
            for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
                path = os.path.join(folder, name)
                if os.path.exists(path):
                    files[name] = json.load(open(path, encoding="utf-8"))
            for name, vocabulary in VOCABULARIES.items():
                if files["tokenizer.json"]["model"]["vocab"] == vocabulary:
                    files["tokenizer.json"]["model"]["vocab"] = "@" + name
        else:
            write(files, folder)
        record = {"files": files}
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            lists = list(numbers(tokenizer))
        except BaseException as problem:  # noqa: BLE001  (a panic of the library is no Exception)
            return {**record, "fails": f"{type(problem).__name__}: {problem}"[:120]}
        if "tokenizer.json" in files:
            alone = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
            alone.no_truncation()
            alone.no_padding()
            plain = [alone.encode(text, pair).ids for text, pair, longest in TEXTS if not longest]
            whole = [found[:found.index(-1)] for found, (_, _, longest) in zip(lists, TEXTS) if not longest]
            record["differs"] = plain != whole
        if show:
            record["numbers"] = lists
        return {**record, "hashes": " ".join(map(fnv, lists))}


def main():
    records = [{"name": name, **opened(files)} for name, files in folders()]
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    text = "{" + f'"question":{json.dumps([QUESTION, CONTEXT])},\n"texts":{json.dumps(TEXTS, ensure_ascii=False)},\n"parts":' + json.dumps(
        PARTS, ensure_ascii=False, separators=(",", ":")) + ',\n"folders":[\n' + ",\n".join(lines) + "\n]}\n"
    with open(OUT, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    print(len(records), "folders,", sum("fails" in record for record in records), "that transformers cannot open")
    for record in records:
        if "fails" in record:
            print(record["name"], record["fails"])


if __name__ == "__main__":
    main()
