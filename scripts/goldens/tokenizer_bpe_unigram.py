#!/usr/bin/env python3
"""Write the goldens of byte-level BPE, Unigram and WordLevel tokenizers, and of MPNet's WordPiece, with Hugging Face tokenizers.

Everything goes to Tests/Goldens/tokenizer/subword:

NAME.json           a small tokenizer with the components that a model family ships; "@charsmap" stands for
                    the content of charsmap.txt
charsmap.txt        SentencePiece's nmt_nfkc normalization, base64, as in tokenizer.json
texts.jsonl         one object a line: text, pair (null for one text), maxLength (null for no limit)
NAME.hashes.txt     one line per text, two hashes: FNV-1a-64 over ids, -1, type ids, and over the offsets (UTF-8
                    bytes of its own text, start and end of each token), as little-endian int32; the first
                    eight digits of each
NAME.scalars.txt    one hash per 4,096 scalars: FNV-1a-64 over the words (normalized and pre-tokenized) of a
                    text around each scalar as little-endian uint32 scalars, 0xFFFFFFFF after each word,
                    0xFFFFFFFE after each scalar's words

Reads WordNet 3.0 (apt install wordnet-base).

    python3 scripts/goldens/tokenizer_bpe_unigram.py   # tokenizers 0.23.3, sentencepiece 0.2.3, transformers 5.23.0
"""

import base64
import io
import json
import os
import random
import struct

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as sentencepiece_model
from tokenizer import CUT_TEXTS, PAIRS, TEXTS, byte_offsets, fnv, wordnet_glosses
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPTokenizer, DebertaV2Tokenizer, MPNetTokenizer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "subword")
PLACEHOLDER = "@charsmap"
SCALARS_PER_HASH = 4096
# Planes 4 to 13 are unassigned throughout.
SCALARS = [*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE1000)]

LANGUAGES = [
    "Wer reitet so spät durch Nacht und Wind? Es ist der Vater mit seinem Kind; größer, schöner, weiß.",
    "Le cœur a ses raisons que la raison ne connaît point. Où êtes-vous, garçon? Ça va très bien, mon œil!",
    "El niño comió piñas y jamón en la montaña. ¿Dónde está la estación? ¡Aquí!",
    "İstanbul'da çok güzel çiçekler var, ığdır ve şişli; ağaçlar yeşil.",
    "Tiếng Việt có nhiều dấu thanh: ngã, hỏi, sắc, huyền, nặng. Hà Nội là thủ đô của Việt Nam.",
    "Съешь ещё этих мягких французских булок, да выпей чаю. Ёлка стоит в лесу. Київ, їжак, ґанок.",
    "Ο γρήγορος καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί. Οδυσσεύς, Ἀθῆναι, ᾠδή.",
    "שלום עולם, מה שלומך היום? הספר על השולחן. שָׁלוֹם",
    "السلام عليكم ورحمة الله وبركاته. كيف حالك اليوم؟ القطة على السرير. مَرْحَبًا ١٢٣٤٥",
    "نمی‌دانم چه می‌خواهی بگویی، کتاب روی میز است. ۱۲۳۴",
    "नमस्ते दुनिया, आप कैसे हैं? क्षत्रिय ज्ञान श्रीमान। हिन्दी भाषा १२३",
    "আমার সোনার বাংলা, আমি তোমায় ভালোবাসি। ক্ষমা করো।",
    "ਸਤ ਸ੍ਰੀ ਅਕਾਲ ਦੁਨੀਆ। ગુજરાતી ભાષા ખૂબ સુંદર છે.",
    "தமிழ் மொழி மிகவும் பழமையானது. யாதும் ஊரே யாவரும் கேளிர்.",
    "తెలుగు భాష అందంగా ఉంది. ಕನ್ನಡ ಭಾಷೆ ಸುಂದರವಾಗಿದೆ. മലയാളം ഭാഷ.",
    "ภาษาไทยไม่มีช่องว่างระหว่างคำ น้ำขึ้นให้รีบตัก ๑๒๓ ພາສາລາວ",
    "မြန်မာဘာသာစကား လှပသည်။ ភាសាខ្មែរ ពិរោះណាស់។",
    "བོད་སྐད་ནི་སྐད་ཡིག་ཅིག་ཡིན། སྣང་བ།",
    "ქართული ენა ძალიან ძველია. Հայերեն լեզուն գեղեցիկ է։",
    "አማርኛ ቋንቋ በጣም ቆንጆ ነው። ሰላም ለዓለም።",
    "中文字符没有空格,我们今天去北京大学。臺灣的繁體字比較複雜,龍龜麵。",
    "日本語のテキストには漢字とひらがなとカタカナがあります。ｶﾞｷﾞｸﾞ半角ﾊﾟﾋﾟ。東京都港区〒105",
    "한국어는 교착어입니다. 안녕하세요 세계! 값싼 닭고기, 읽다. ㄱㄴㄷ",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᠮᠣᠩᠭᠣᠯ ᚠᚢᚦᚨᚱᚲ 𐐀𐐨 𞤀𞤢𞤣",
    "🙂 👍🏽 🇩🇪🇫🇷 👨‍👩‍👧‍👦 ❤️ 1️⃣ 🏳️‍🌈 😀😁 ☕ ⚡ ✨",
    "x² + y³ = ½·∑ⁿ∫ℝ ℃ ™ © № Ⅷ ⑳ ﬁ ﬂ ﬄ Ａｂｃ１２３ ㍿ ㌔ ㈱ ﷺ ĳ ŉ ǆ",
]

HOSTILE = [
    # Contractions and words, as the expression of byte-level BPE sees them.
    "I'm you're he's we've they'll I'd don't 'tis O'Neil's 'S 'RE ''s 's's 'll've", "'", "''", "' s", "'r 're'r 'l 'v",
    " 's", "a  b   c    d", "  a", "a  ", "a \n b", "a\n\nb", " \t a", "a\u00a0b \u00a0c\u00a0 d", "\u3000a \u3000b", "   ",
    "x1y2 3z 12,345.67 ½a ²b Ⅷc ٣d", "a_b __init__ -1 - 1 --x", "(a) [b] {c}", "e\u0301 \u0301 x \u0301", "\u0085a\u0085",
    # Normalizations that grow, shrink or vanish, at the start, in the middle and at the end.
    "ﷺ", "aﷺb", "½½", "…", "x…y", "\u00ad", "a\u00adb", "\u200b\u200bx", "\u200bx\u200b", "x\u200b \u200by", "\ufeffx",
    "\x01\x02a", "a\x01", "\x7f", "ﬁ\u0301x", "①\u0301②", "ª\u0301º\u0323b", "e\u0301\u200d", "a\u200db", "\u0600ª", "\u0600ﬁ\u0301",
    "ｶﾞ", "カ\u3099", "か\u3099x", "\u1100\u1161\u11a8", "가\u11a8", "\u1100\u1161\u0301\u11a8", "\u0344a", "a\u0344\u0323",
    "a\u0323\u0307\u0301", "a\u0307\u0323", "s\u0323\u0307", "\u1e9b\u0323", "\u0958 क\u093c", "\u2126 \u212b \u2adc", "\u0f73\u0f71",
    "q\u0307\u0323\u0301\u0328x", "\r\na\r\nb", "\ra", "a\tb\tc", "\u2028a\u2029b", "\u2581a \u2581 b\u2581", "\u2581\u2581a", "a\u2581",
    "``quoted'' ''x``", "````", "''''", "`' `` '", "e\u0301``", " ``", "｀｀", "´´",
    # Unknown text, alone and next to known.
    "\U00012000\U00012001", "a\U00012000b\U00012001\U00012002c", "\U00012000 \U00012001", "<unk>", "a<unk>b", "\U00012000<unk>",
    "<unk><unk>", "<0x41>", "\ue000\ue001",
    # Special and added tokens.
    "<s>", "</s>", "<mask>", "a <mask> b", "a<mask>b", "a   <mask>   b", "\u3000<mask>\u3000b", "<mask><mask>", " <mask>", "<mask> ",
    "<mask", "<s>a</s></s>b</s>", "<pad>", "[CLS] a [SEP]", "a [MASK] b", "a  [MASK]  b", "[mask]",
    "<l> a  <l>", "a <r>  b", "a  <lr>  b", "<l><r>", " <r> <l> ", "a word b", "aword word, wordb word\u0301 _word word", "Größe GRÖSSE größe",
    "a gro\u0308ße b", "x²y x2y", "Tab\tIn Tab In", "  <lr>  <lr>  ", "<l>\n<r>\n", "\u00a0<l>\u2003a",
    # Long ones.
    "a" * 1000, "ab" * 300, "." * 300, "=" * 200 + " " + "-" * 77, " " * 200, " " * 50 + "x", "中" * 300, "\u0301" * 100,
    "\U0001f600" * 50, "lololololololololololol" * 20, "1234567890" * 20, "\U00012000" * 50, "ﷺ" * 30, "e\u0301" * 200,
]

POOL = [
    *"aeinostrlhdcumfpgwybvkxjqz", *"AEISTRZ", *"0123456789", *".,;:!?'\"-_()[]{}<>/\\`´@#$%&*+=~^|", *" " * 12, "  ", "   ", "\n", "\t",
    "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u200b", "\u200d", "\u200c", "\u2060", "\ufeff", "\u00ad", "\u2028", "\u0085", "\x00", "\x01",
    "\x1f", "\x7f", "\ufffd", "\u0301", "\u0300", "\u0308", "\u0323", "\u0307", "\u0328", "\u0345", "\u0344", "\u20dd", "\u0489", "\u0940",
    "\u094d", "\u093c", "\u05b0", "\u0651", "\u064b", "\u3099", "\u309a", "\u0e33", "\u0f73", "\u1100", "\u1161", "\u11a8", "가", "각", "\uffa1",
    *"àéîõüßÆœøłçñşğıİǅŉǆ", *"ΑΣςαωάἀᾠ", *"Яйёїґ", *"אבש", *"ابةكي", *"कषज्ञ", *"กน้ำ", *"中国龍", *"かがカガ", "ｶ", "ﾞ", "ｱ", "Ａ", "１",
    *"ﬁﬃ½²①Ⅷ℃™…‼㍿﷽ﷺ", "\u2126", "\u212b", "豈", "\U0002f800", "\U00012000", "\U00012001", "🙂", "👍🏽", "👨‍👩‍👧", "🇩🇪", "❤️", "𝔄", "𝟗", "𐐀",
    "\ue000", "\u0378", "\U000e0001", "\u0600", "\u06dd", "\u2581", "\u2581", "<mask>", "<s>", "</s>", "[MASK]", "[SEP]", "<unk>", "[UNK]",
    "<l>", "<r>", "<lr>", "word", "Größe", "x²", "n't", "'s", "'re", "'LL", "``", "''", "the", " the ", "ing", "tion",
]


def added_tokens():
    return [
        AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=False),
        AddedToken("<lr>", lstrip=True, rstrip=True, normalized=False), AddedToken("word", single_word=True, normalized=False),
        AddedToken("Größe", normalized=True), AddedToken("x²", normalized=True, single_word=True),
        AddedToken("Tab In", normalized=True, lstrip=True),
    ]


def corpus():
    return LANGUAGES * 3 + list(wordnet_glosses())[::60]


def charsmap():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, vocab_size=600, normalization_rule_name="nmt_nfkc",
        hard_vocab_limit=False, character_coverage=0.98, minloglevel=2)
    proto = sentencepiece_model.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def byte_pair(prefix_space, alphabet=True, size=900, normalizer=None, use_regex=True, **options):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space, use_regex=use_regex)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    letters = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()} if alphabet else {"limit_alphabet": 100}
    tokenizer.train_from_iterator(
        corpus(), trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False, **letters))
    tokenizer.add_special_tokens(special + [AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, prefix_space)
    return tokenizer


def characters(normalizer, pre_tokenizer):
    """BPE over scalars, without byte level: the other steps show undisguised."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.train_from_iterator(
        corpus(), trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False, limit_alphabet=300))
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens(added_tokens())
    single, pair = ROBERTA.split(" / ")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def unigram(special, unknown, normalizer, pre_tokenizer, mask, template, byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.train_from_iterator(corpus(), trainers.UnigramTrainer(
        vocab_size=900, special_tokens=special, unk_token=unknown, show_progress=False, max_piece_length=12))
    data = json.loads(tokenizer.to_str())
    if byte_fallback:
        data["model"]["byte_fallback"] = True
        # One byte lacks its token: text with it stays unknown.
        data["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256) if byte != 0xEE]
        tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_special_tokens(special + [AddedToken(mask, lstrip=True, normalized=False)])
    single, pair = template.split(" / ")
    names = [part.split(":")[0] for part in single.split() if "$" not in part]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in names])
    return tokenizer


def by_transformers(trained, tokenizer_class, **options):
    """The tokenizer that transformers builds around a trained vocabulary."""
    vocabulary = json.loads(trained.to_str())["model"]["vocab"]
    if isinstance(vocabulary, list):
        vocabulary = [tuple(entry) for entry in vocabulary]
    return Tokenizer.from_str(tokenizer_class(vocab=vocabulary, **options).backend_tokenizer.to_str())


CLIP_SPECIAL = ["<|startoftext|>", "<|endoftext|>"]


def ended_pairs(alphabet=True, size=1200, **options):
    """BPE whose last token of a word tells so, with CLIP's steps."""
    steps = CLIPTokenizer().backend_tokenizer
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", **options))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = steps.normalizer, steps.pre_tokenizer, steps.decoder
    letters = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()} if alphabet else {"limit_alphabet": 60}
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=CLIP_SPECIAL, show_progress=False, end_of_word_suffix="</w>", **letters))
    return tokenizer


def clip():
    """As transformers builds it: each byte alone and at the end of a word, merges, and the special tokens last."""
    model = json.loads(ended_pairs().to_str())["model"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = dict.fromkeys(letters + [f"{letter}</w>" for letter in letters] + list(model["vocab"]))
    names = [name for name in names if name not in CLIP_SPECIAL] + CLIP_SPECIAL
    vocabulary = {name: number for number, name in enumerate(names)}
    made = CLIPTokenizer(vocab=vocabulary, merges=[tuple(merge) for merge in model["merges"]])
    return Tokenizer.from_str(made.backend_tokenizer.to_str())


def whole_words():
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(corpus(), trainers.WordLevelTrainer(
        vocab_size=1500, special_tokens=XLM_SPECIAL, show_progress=False))
    tokenizer.add_special_tokens(XLM_SPECIAL)
    tokenizer.add_tokens(added_tokens())
    single, pair = ROBERTA.split(" / ")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def word_piece(special):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(
        vocab_size=900, special_tokens=special, show_progress=False, limit_alphabet=300))
    return tokenizer


ROBERTA = "<s> $A </s> / <s> $A </s> </s> $B </s>"
BERT = "[CLS]:0 $A:0 [SEP]:0 / [CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
XLM_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def tokenizers(precompiled):
    n, p = normalizers, pre_tokenizers
    yield "roberta", byte_pair(False, unk_token="<unk>")
    tokenizer = byte_pair(True)
    tokenizer.add_tokens(added_tokens())
    yield "roberta-prefix", tokenizer
    tokenizer = byte_pair(False, alphabet=False, size=400, use_regex=False, ignore_merges=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), False, False)
    tokenizer.add_tokens(added_tokens())
    yield "bytes-partial", tokenizer
    tokenizer = byte_pair(True, alphabet=False, size=400, normalizer=n.NFKC(), unk_token="<unk>", fuse_unk=True)
    single, pair = ROBERTA.split(" / ")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(add_prefix_space=False, trim_offsets=True),
        processors.TemplateProcessing(single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)])])
    tokenizer.add_tokens(added_tokens())
    yield "bytes-nfkc", tokenizer
    metaspace = p.Metaspace(replacement="▁", prepend_scheme="always")
    yield "xlm-r", unigram(
        XLM_SPECIAL, "<unk>", n.Precompiled(precompiled), p.Sequence([p.WhitespaceSplit(), metaspace]), "<mask>", ROBERTA)
    tokenizer = unigram(
        ["<pad>", "<unk>", "[CLS]", "[SEP]"], "<unk>",
        n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(),
                    n.Precompiled(precompiled), n.Replace(Regex(" {2,}"), " ")]),
        p.Sequence([p.WhitespaceSplit(), metaspace]), "[MASK]", BERT)
    tokenizer.add_tokens(added_tokens())
    yield "albert", tokenizer
    yield "deberta-v3", unigram(
        ["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]",
        n.Sequence([n.Strip(left=True, right=True), n.Precompiled(precompiled), n.Replace(Regex(" {2,}"), " ")]),
        p.Sequence([metaspace]), "[MASK]", BERT)
    tokenizer = unigram(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], "[UNK]",
        n.Sequence([n.Lowercase(), n.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), n.NFC(), n.Strip(left=False, right=True)]),
        p.Sequence([p.Punctuation(behavior="isolated"), p.Metaspace(replacement="▁", prepend_scheme="first")]), "[MASK]", BERT)
    tokenizer.add_tokens(added_tokens())
    yield "deberta-v2", tokenizer
    # DeBERTa-v2 and -v3 and MPNet as transformers 5 builds and saves them.
    yield "deberta-transformers", by_transformers(
        unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]", n.NFKC(), metaspace, "[MASK]", BERT),
        DebertaV2Tokenizer, unk_id=3)
    yield "deberta-split", by_transformers(
        unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]", n.NFKC(), metaspace, "[MASK]", BERT),
        DebertaV2Tokenizer, unk_id=3, do_lower_case=True, split_by_punct=True, add_prefix_space=False)
    yield "mpnet", by_transformers(word_piece(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]), MPNetTokenizer)
    tokenizer = unigram(
        XLM_SPECIAL, "<unk>", n.Sequence([n.NFD(), n.Prepend("▁x"), n.Precompiled(precompiled), n.Strip(left=True, right=False)]),
        p.Sequence([p.Digits(individual_digits=True), p.Punctuation(behavior="contiguous"),
                    p.Metaspace(replacement="▁", prepend_scheme="never", split=False)]), "<mask>", ROBERTA, byte_fallback=True)
    tokenizer.add_tokens(added_tokens())
    yield "byte-fallback", tokenizer
    yield "merged-next", characters(
        n.Sequence([n.Replace(Regex(" +"), "_"), n.NFKD(), n.Replace(Regex(r"\s{2,}"), "")]),
        p.Sequence([p.Punctuation(behavior="merged_with_next"), p.Digits(individual_digits=False)]))
    yield "merged-previous", characters(
        n.Sequence([n.Strip(left=True, right=True), n.Replace(Regex(r"\s+"), " \u2029x"), n.NFC(), n.Lowercase()]),
        p.Sequence([p.Punctuation(behavior="merged_with_previous"), p.Digits(individual_digits=True), p.WhitespaceSplit()]))
    yield "clip", clip()
    tokenizer = ended_pairs(alphabet=False, size=500, unk_token="<|endoftext|>", fuse_unk=True, ignore_merges=True)
    tokenizer.add_special_tokens([AddedToken(token, normalized=token == CLIP_SPECIAL[0]) for token in CLIP_SPECIAL])
    tokenizer.add_tokens(added_tokens())
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), True, True)
    yield "clip-partial", tokenizer
    yield "words", whole_words()


def to_text(name, tokenizer, encoded_charsmap):
    data = json.loads(tokenizer.to_str())
    if name == "roberta":
        # The older form of merges, which RoBERTa's own file has.
        data["model"]["merges"] = [" ".join(merge) for merge in data["model"]["merges"]]
    if name == "xlm-r":
        # The older form of this pre-tokenizer, which XLM-R's own file has.
        data["pre_tokenizer"]["pretokenizers"][1] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    if name in ("roberta", "xlm-r", "albert"):
        # Older files do not name their model.
        del data["model"]["type"]
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace(encoded_charsmap, PLACEHOLDER)
    # Swift's JSON reader and this one agree on the text, so the goldens come from what is written.
    return text, Tokenizer.from_str(text.replace(PLACEHOLDER, encoded_charsmap))


def cases():
    texts = TEXTS + HOSTILE + LANGUAGES
    result = [(text, None, None) for text in texts] + [(*pair, None) for pair in PAIRS]
    result += [(texts[i], texts[-i - 1], None) for i in range(0, len(texts) // 2, 3)]
    result += [(text, None, length) for text in CUT_TEXTS + HOSTILE[::9] + LANGUAGES[::4] for length in (2, 3, 5, 8, 13)]
    result += [(*pair, length) for pair in PAIRS for length in (4, 5, 6, 7, 9, 12, 15, 18)]
    generator = random.Random(7)
    for _ in range(1200):
        text = "".join(generator.choice(POOL) for _ in range(generator.choice((2, 3, 5, 9, 20, 40))))
        result.append((text, None, None))
    return result


def words(text):
    return b"\xff\xff\xff\xff".join([word.encode("utf-32-le") for word in text] + [b""])


def scalar_hashes(tokenizer):
    def item(code):
        s = chr(code)
        text = f"a{s} ª{s}\u0301b9{s}é"
        if tokenizer.normalizer:
            text = tokenizer.normalizer.normalize_str(text)
        return words([word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]) + b"\xfe\xff\xff\xff"

    return [fnv(b"".join(map(item, SCALARS[i:i + SCALARS_PER_HASH]))) for i in range(0, len(SCALARS), SCALARS_PER_HASH)]


def encoding_hashes(tokenizer, text, pair, length):
    tokenizer.no_truncation()
    if length is not None:
        tokenizer.enable_truncation(length, strategy="longest_first")
    encoding = tokenizer.encode(text, pair)
    offsets = byte_offsets(encoding, [text] if pair is None else [text, pair])
    numbers = encoding.ids + [-1] + encoding.type_ids
    return " ".join(fnv(struct.pack(f"<{len(part)}i", *part))[:8] for part in (numbers, offsets))


def write(name, text):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    precompiled = charsmap()
    encoded = base64.b64encode(precompiled).decode()
    write("charsmap.txt", encoded + "\n")
    all_cases = cases()
    write("texts.jsonl", "".join(
        json.dumps({"text": text, "pair": pair, "maxLength": length}, separators=(",", ":")) + "\n"
        for text, pair, length in all_cases))
    for name, trained in tokenizers(precompiled):
        text, tokenizer = to_text(name, trained, encoded)
        write(name + ".json", text)
        write(name + ".hashes.txt", "".join(encoding_hashes(tokenizer, *case) + "\n" for case in all_cases))
        write(name + ".scalars.txt", "".join(value + "\n" for value in scalar_hashes(tokenizer)))


if __name__ == "__main__":
    main()
