#!/usr/bin/env python3
"""Write what transformers' AutoTokenizer makes of the tokenizer folders of models with two towers.

Tests/Goldens/tokenizer/towers.json, as scripts/goldens/tokenizer_folders.py writes folders.json: parts by name, texts, and
folders with their files and hashes. Folders of SigLIP have no hash of windows, and beside the files:

pieces         spiece.model in base64, but for its normalization
isNormalized   whether that is the one of subword/charsmap.txt
numbers        in place of hashes: ids of each text

    python3 scripts/goldens/tokenizer_towers.py   # transformers 5.24.0, tokenizers 0.23.3, sentencepiece 0.2.3
"""

import base64
import io
import json
import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece  # noqa: E402
import tokenizer_folders as folders  # noqa: E402
from sentencepiece import sentencepiece_model_pb2 as protocol  # noqa: E402
from tokenizers import pre_tokenizers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

OUT = os.path.join(folders.ROOT, "Tests", "Goldens", "tokenizer", "towers.json")
with open(os.path.join(folders.ROOT, "Tests", "Goldens", "tokenizer", "subword", "charsmap.txt"), encoding="utf-8") as file:
    CHARACTERS = base64.b64decode(file.read())
START, END = "<|startoftext|>", "<|endoftext|>"

TEXTS = [
    ("a photo of the movie", None, None), ("A Photo of a CAFÉ, Cafe\u0301 & ÜNÏTED", None, None), ("don't  you'll\tWE'RE\n it's 'S", None, None),
    ("2024 was 1,234.5 ½ ² ٣", None, None), ("🙂 👍🏽 ❤️ 中文 日本", None, None), ("", None, None), ("   ", None, None), ("\u2003a\u00a0\u0085b\x1cc ", None, None),
    (f"a{END}b {START} c", None, None), ("<|StartOfText|> a <|ENDOFTEXT|> b", None, None), (f"{START}{END}", None, None), (f"movie {END}", None, None),
    ("hello! world!! wow!", None, None), ("a</w>b </w>", None, None), ("-- ... !'s --'ll ### a_b __init__", None, None), ("ΟΔΥΣΣΕΥΣ ΑΣ. İstanbul ẞ ﬁ①", None, None),
    ("NEW1 new1 tok2 Tok2 <x>a<y> <X>", None, None), ("a </s> b</s>", None, None), ("</s>", None, None), ("x <unk> y <pad> z", None, None),
    ("▁a ▁ b▁▁c▁", None, None), ("a-b (c) [d] {e} <f> \"g\" `h` ~i~ $5 5% a@b.c", None, None), ("zzq ☃ qqq\u0378", None, None), ("\ufeffa\u200bb\u00adc", None, None),
    ("the movie", "a good day", None), ("the movie and the day", None, 2), ("the movie and the day", None, 4), ("the movie and the day" * 30, None, 77),
    ("the good movie is good", "a bad day at the end of it", 9), ("the good movie", "a bad day", 7), ("a </s>", "b </s>", None),
]


def ended_pairs():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ("o o|oo d</w>|g ood</w>|t h|th e</w>|m o|mo v|i e</w>|mov ie</w>|p h|ph o|t o</w>|pho to</w>|o f</w>|Ã ©</w>|c a|ca f|caf Ã©</w>|"
              "d a|da y</w>|' s</w>|i s</w>|a n|an d</w>|! !</w>").split("|")
    names = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge.split()) for merge in merges), START, END]
    return {name: number for number, name in enumerate(names)}, merges


VOCABULARY, MERGES = ended_pairs()
SIZE = len(VOCABULARY)
PARTS = {"clip": VOCABULARY, "clip-merges": MERGES, "clip-merge-list": "#version: 0.2\n" + "\n".join(MERGES) + "\n"}
with open(os.path.join(folders.ROOT, "Tests", "Goldens", "tokenizer", "decoders", "gemma.json"), encoding="utf-8") as file:
    PARTS["gemma"] = json.load(file)


def token(text, normalized=False, **flags):
    return {"id": VOCABULARY.get(text, SIZE), "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": normalized,
            "special": True, **flags}


def clip_json(words=r"<\|startoftext\|>|<\|endoftext\|>|", added=None, **other):
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added or [token(START), token(END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": words + r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": {"type": "RobertaProcessing", "sep": [END, VOCABULARY[END]], "cls": [START, VOCABULARY[START]], "trim_offsets": False,
                           "add_prefix_space": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": END, "continuing_subword_prefix": "", "end_of_word_suffix": "</w>", "fuse_unk": False,
                  "vocab": "@clip", "merges": "@clip-merges"}, **other}


# As openai/clip-vit-base-patch32 has them
OLD_ADDED = [token(START, normalized=True), token(END)]
OLD_ROLE = {key: value for key, value in token(END, normalized=True).items() if key not in ("id", "special")}
OLD_SETTINGS = {
    "unk_token": {**OLD_ROLE, "__type": "AddedToken"}, "bos_token": {**OLD_ROLE, "content": START, "__type": "AddedToken"},
    "eos_token": {**OLD_ROLE, "__type": "AddedToken"}, "pad_token": END, "add_prefix_space": False, "errors": "replace", "do_lower_case": True,
    "model_max_length": 77, "special_tokens_map_file": "./special_tokens_map.json", "tokenizer_class": "CLIPTokenizer"}
OLD_MAP = {"bos_token": {**OLD_ROLE, "content": START}, "eos_token": OLD_ROLE, "unk_token": OLD_ROLE, "pad_token": END}


def clips():
    config = {"config.json": {"model_type": "clip"}}
    old = clip_json(words="", added=OLD_ADDED)
    pairs = {**config, "vocab.json": "@clip", "merges.txt": "@clip-merge-list"}
    yield "tokenizer.json alone", {**config, "tokenizer.json": clip_json()}
    yield "no setting", {**config, "tokenizer.json": clip_json(), "tokenizer_config.json": {}}
    yield "old", {**config, "tokenizer.json": old, "tokenizer_config.json": OLD_SETTINGS, "special_tokens_map.json": OLD_MAP}
    yield "old, everything", {**pairs, "tokenizer.json": old, "tokenizer_config.json": OLD_SETTINGS, "special_tokens_map.json": OLD_MAP}
    yield "old lists", {**pairs, "tokenizer_config.json": OLD_SETTINGS, "special_tokens_map.json": OLD_MAP}
    yield "lists", pairs
    yield "lists, no model", {"vocab.json": "@clip", "merges.txt": "@clip-merge-list", "tokenizer_config.json": {"tokenizer_class": "CLIPTokenizerFast"}}
    yield "padding is !", {**config, "tokenizer.json": clip_json(), "tokenizer_config.json": {**OLD_SETTINGS, "pad_token": "!"}}
    yield "saved padding is !", {**config, "tokenizer.json": clip_json(), "tokenizer_config.json": {
        "tokenizer_class": "CLIPTokenizer", "pad_token": "!", "added_tokens_decoder": {str(VOCABULARY[name]): {
            key: value for key, value in token(name).items() if key != "id"} for name in ("!", START, END)}}}
    yield "as it stands", {**config, "tokenizer.json": clip_json(words=""), "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}
    for setting in ({"truncation_side": "left"}, {"split_special_tokens": True}, {"add_bos_token": False}, {"unk_token": "a"}, {"eos_token": "!</w>"},
                    {"bos_token": "a</w>", "extra_special_tokens": ["tok2"]}, {"do_lower_case": False, "add_prefix_space": True}):
        yield f"{setting}", {**config, "tokenizer.json": clip_json(words=""), "tokenizer_config.json": setting}
    yield "new tokens", {**config, "tokenizer.json": clip_json(), "tokenizer_config.json": {}, "added_tokens.json": {"<x>": SIZE, "new1": SIZE + 1}}
    other = clip_json(normalizer=None, post_processor={"type": "RobertaProcessing", "sep": ["a", VOCABULARY["a"]], "cls": [START, VOCABULARY[START]],
                                                      "trim_offsets": True, "add_prefix_space": False})
    yield "another file", {**config, "tokenizer.json": other, "tokenizer_config.json": {}}


def gemmas():
    """SigLIP 2's folders, whose tokenizer is Gemma's; its class makes letters small."""
    file = {"tokenizer.json": "@gemma"}
    settings = {"tokenizer_class": "GemmaTokenizer", "model_max_length": 64, "padding_side": "right",
                "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>", "mask_token": None}
    for name, model_type in (("siglip2", "siglip2"), ("siglip", "siglip")):
        config = {"config.json": {"model_type": model_type}}
        yield f"{name}, usual", {**config, **file, "tokenizer_config.json": settings}
        yield f"{name}, its class", {**config, **file, "tokenizer_config.json": {
            **settings, "tokenizer_class": "Siglip2Tokenizer", "add_bos_token": False, "add_eos_token": True}}
    yield "siglip2, no setting", {"config.json": {"model_type": "siglip2"}, **file, "tokenizer_config.json": {}}


def pieces(**options):
    """A spiece.model with the ids of SigLIP's: padding, end and unknown first."""
    model = io.BytesIO()
    words = [text for text, _, _ in TEXTS if "<" not in text] + folders.WORDS + ["a photo of the good movie and a bad day"] * 9
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words), model_writer=model, vocab_size=130, hard_vocab_limit=False, character_coverage=0.98, pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1, minloglevel=2, **options)
    return model.getvalue()


def changed(model, change):
    proto = protocol.ModelProto()
    proto.ParseFromString(model)
    change(proto)
    return proto.SerializeToString()


def siglips():
    config = {"config.json": {"model_type": "siglip"}}
    role = {"lstrip": True, "normalized": False, "rstrip": True, "single_word": False, "special": True}
    old = {"added_tokens_decoder": {"1": {"content": "</s>", **role}, "2": {"content": "<unk>", **role}}, "additional_special_tokens": [],
           "clean_up_tokenization_spaces": True, "do_lower_case": True, "eos_token": "</s>", "model_input_names": ["input_ids"], "model_max_length": 64,
           "pad_token": "</s>", "processor_class": "SiglipProcessor", "sp_model_kwargs": {}, "tokenizer_class": "SiglipTokenizer", "unk_token": "<unk>"}
    usual = pieces()

    def crosses(proto):
        proto.pieces.add(piece=">a", score=-1.0)
        proto.pieces.add(piece="a▁b", score=-2.0)

    def bare(proto):
        proto.normalizer_spec.add_dummy_prefix = False

    yield "spiece.model alone", usual, config
    yield "old", usual, {**config, "tokenizer_config.json": old, "special_tokens_map.json": {
        name: {"content": text, **{key: value for key, value in role.items() if key != "special"}} for name, text in
        (("eos_token", "</s>"), ("pad_token", "</s>"), ("unk_token", "<unk>"))}}
    yield "capitals", usual, {**config, "tokenizer_config.json": {**old, "do_lower_case": False}}
    yield "truncation_side left", usual, {**config, "tokenizer_config.json": {**old, "truncation_side": "left"}}
    yield "split_special_tokens", usual, {**config, "tokenizer_config.json": {**old, "split_special_tokens": True}}
    yield "padding of its own", usual, {**config, "tokenizer_config.json": {"tokenizer_class": "SiglipTokenizer", "pad_token": "<pad>"}}
    yield "more tokens", usual, {**config, "tokenizer_config.json": {**old, "additional_special_tokens": ["<x>", "tok2"]}}
    yield "pieces across words", changed(usual, crosses), config
    yield "no prefix", changed(usual, bare), config
    yield "identity", pieces(normalization_rule_name="identity"), config
    yield "spaces kept", pieces(remove_extra_whitespaces=False), config


def numbers(tokenizer):
    for text, pair, longest in TEXTS:
        limit = {"truncation": True, "max_length": longest} if longest else {}
        yield list((tokenizer(text, pair, **limit) if pair is not None else tokenizer(text, **limit))["input_ids"])


def siglip(model, files):
    with tempfile.TemporaryDirectory() as folder:
        folders.write(files, folder)
        with open(os.path.join(folder, "spiece.model"), "wb") as file:
            file.write(model)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert type(tokenizer).__name__ == "SiglipTokenizer"
    proto = protocol.ModelProto()
    proto.ParseFromString(model)
    known = proto.normalizer_spec.precompiled_charsmap == CHARACTERS
    assert known or not proto.normalizer_spec.precompiled_charsmap
    bare = changed(model, lambda proto: proto.normalizer_spec.ClearField("precompiled_charsmap"))
    return {"files": files, "pieces": base64.b64encode(bare).decode(), "isNormalized": known, "numbers": list(numbers(tokenizer))}


def main():
    folders.TEXTS[:] = TEXTS
    folders.PARTS.clear()
    folders.PARTS.update(PARTS)
    records = [{"name": f"clip: {name}", **folders.opened(files)} for name, files in clips()]
    records += [{"name": f"gemma: {name}", **folders.opened(files)} for name, files in gemmas()]
    records += [{"name": f"siglip: {name}", **siglip(model, files)} for name, model, files in siglips()]
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    with open(OUT, "w", encoding="utf-8", newline="\n") as file:
        file.write("{" + f'"question":{json.dumps([folders.QUESTION, folders.CONTEXT])},\n"texts":{json.dumps(TEXTS, ensure_ascii=True)},\n"parts":' + json.dumps(
            PARTS, ensure_ascii=False, separators=(",", ":")) + ',\n"folders":[\n' + ",\n".join(lines) + "\n]}\n")
    for record in records:
        print(record["name"], record.get("fails", ""), record.get("differs", ""))


if __name__ == "__main__":
    main()
