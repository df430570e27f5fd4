#!/usr/bin/env python3
"""Write the goldens of words, windows and answers with the reference implementations: Hugging Face tokenizers through
transformers, seqeval, and the formulas of SQuAD's evaluation scripts and of transformers' question answering example.

words.jsonl     tokenizer, words, maxLength, ids, firsts (first token of each word, null for none):
                is_split_into_words=True, add_prefix_space=True for byte-level tokenizers
windows.jsonl   tokenizer, question, context, answer (text, start in characters, or null), maxLength, stride, windows:
                ids, types, the first token of the context, the UTF-8 bytes of its tokens (flat), start, end:
                truncation="only_second", return_overflowing_tokens, and the example's positions
spans.json      rows of random tags and predictions; seqeval's figures by type and micro
matches.jsonl   predicted, answers, and exact match and F1 by the scripts of SQuAD 1.1 and 2.0
searches.jsonl  windows with random start and end logits; the best answer by the example, without and with no answer

    python3 scripts/goldens/passages.py   # transformers 5.23.0, tokenizers 0.23.3, seqeval 1.2.2
"""

import collections
import json
import os
import random
import re
import string

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from seqeval.metrics import accuracy_score, classification_report
from tokenizers import Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerFast

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "passages")
SUBWORD = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "subword")
FILES = {"minilm": os.path.join(ROOT, "models", "minilm", "tokenizer.json"),
         **{name: os.path.join(SUBWORD, f"{name}.json") for name in ("roberta", "roberta-prefix", "xlm-r")}}
SEED = 20261126

SENTENCES = [
    ["John", "Smith", "lives", "in", "New", "York", "."], ["unbelievably", "tokenization", "-", "heavy", "words"],
    ["naïve", "café", "Straße", "中文字符", "👍🏽", "don't"], ["", "a", "\u200e", "b", "\x01", "c"],
    [" leading", "trailing ", "two words", "\t"], ["[MASK]", "<mask>", "word"], ["1,234.56", "$5", "U.S.", "e-mail"],
    ["x"], ["\u0301", "é", "e\u0301"], ["word"] * 40,
]
CONTEXTS = [
    "The Amazon rainforest, also known in English as Amazonia, covers most of the Amazon basin of South America. "
    "This basin encompasses 7,000,000 square kilometres, of which 5,500,000 are covered by the rainforest. "
    "The majority of the forest is contained within Brazil, with 60% of the rainforest.",
    "Short context.", "Ärger über größere Straßen: naïve café 中文字符 test 👍🏽 end of the line, déjà vu.",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen",
]
QUESTIONS = ["Which name is also used?", "  What? ", "How many square kilometres does the basin cover, exactly?"]


def tokenizers():
    with open(os.path.join(SUBWORD, "charsmap.txt"), encoding="utf-8") as file:
        charsmap = file.read().strip()
    for name, path in FILES.items():
        with open(path, encoding="utf-8") as file:
            yield name, file.read().replace("@charsmap", charsmap)


def wrapped(text, splits_words=False):
    backend = Tokenizer.from_str(text)
    backend.no_truncation()
    backend.no_padding()
    if splits_words and isinstance(backend.pre_tokenizer, pre_tokenizers.ByteLevel):
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def words_lines(name, text):
    tokenizer = wrapped(text, splits_words=True)
    for words in SENTENCES:
        for length in (512, 12, 5):
            encoded = tokenizer(words, is_split_into_words=True, truncation=True, max_length=length)
            firsts = [None] * len(words)
            for token, word in enumerate(encoded.word_ids()):
                if word is not None and firsts[word] is None:
                    firsts[word] = token
            yield {"tokenizer": name, "words": words, "maxLength": length, "ids": encoded["input_ids"], "firsts": firsts}


def positions(offsets, sequence_ids, answer):
    """prepare_train_features of transformers' run_qa.py, which looks past the context's last token as it itself says;
    here it does not."""
    if answer is None:
        return 0, 0
    start_char, end_char = answer["start"], answer["start"] + len(answer["text"])
    first = sequence_ids.index(1)
    last = len(sequence_ids) - 1 - sequence_ids[::-1].index(1)
    if not (offsets[first][0] <= start_char and offsets[last][1] >= end_char):
        return 0, 0
    start, end = first, last
    while start <= last and offsets[start][0] <= start_char:
        start += 1
    while offsets[end][1] >= end_char:
        end -= 1
    return start - 1, end + 1


def windows_lines(name, text):
    tokenizer = wrapped(text)
    choice = random.Random(f"{SEED} {name}")
    for context in CONTEXTS:
        places = [0]
        for scalar in context:
            places.append(places[-1] + len(scalar.encode()))
        for question in QUESTIONS:
            for length, stride in ((384, 128), (40, 10), (32, 0), (36, 3)):
                words = list(re.finditer(r"\w+", context))
                begin = choice.randrange(len(words))
                end = min(len(words), begin + choice.randrange(1, 4)) - 1
                start = words[begin].start()
                answer = {"text": context[start:words[end].end()], "start": start}
                if choice.random() < 0.2:
                    answer = None
                if len(tokenizer(question.lstrip(), "")["input_ids"]) + stride >= length:
                    continue  # the question alone is too long
                encoded = tokenizer(
                    question.lstrip(), context, truncation="only_second", max_length=length, stride=stride,
                    return_overflowing_tokens=True, return_offsets_mapping=True)
                windows = []
                for index, ids in enumerate(encoded["input_ids"]):
                    sequence_ids = encoded.sequence_ids(index)
                    offsets = encoded["offset_mapping"][index]
                    first, last = positions(offsets, sequence_ids, answer)
                    # In windows after the first the library forgets that RoBERTa and XLM-R have one type only, and to
                    # trim the space off RoBERTa's first token; neither is wanted.
                    spans = [o for o, s in zip(offsets, sequence_ids) if s == 1]
                    if name.startswith("roberta") and context[spans[0][0]].isspace():
                        spans[0] = (spans[0][0] + 1, max(spans[0][0] + 1, spans[0][1]))
                    types = encoded.encodings[index].type_ids if name == "minilm" else [0] * len(ids)
                    windows.append({
                        "ids": ids, "types": types, "start": first, "end": last, "context": sequence_ids.index(1),
                        "offsets": [places[end] for o in spans for end in o]})
                yield {"tokenizer": name, "question": question, "context": context, "answer": answer,
                       "maxLength": length, "stride": stride, "windows": windows}


def spans():
    choice = random.Random(SEED)
    names = ["B-LOC", "B-PER", "E-PER", "I-LOC", "I-PER", "O", "S-LOC"]
    rows = []
    for _ in range(60):
        truth = [choice.choice(names) for _ in range(choice.randrange(1, 12))]
        rows.append({"truth": truth,
                     "predicted": [tag if choice.random() < 0.7 else choice.choice(names) for tag in truth]})
    truth, predicted = [row["truth"] for row in rows], [row["predicted"] for row in rows]
    report = classification_report(truth, predicted, output_dict=True, zero_division=0)
    figures = {key: {k: float(v) for k, v in value.items()} for key, value in report.items()
               if key in ("LOC", "PER", "micro avg")}
    return {"names": names, "rows": rows, "figures": figures, "accuracy": accuracy_score(truth, predicted)}


def normalize_answer(text):
    text = "".join(ch for ch in text.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact(gold, predicted):
    return float(normalize_answer(gold) == normalize_answer(predicted))


def f1(gold, predicted, version_2):
    golds, guesses = normalize_answer(gold).split(), normalize_answer(predicted).split()
    if version_2 and (len(golds) == 0 or len(guesses) == 0):
        return float(golds == guesses)
    same = sum((collections.Counter(golds) & collections.Counter(guesses)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(guesses), same / len(golds)
    return 2 * precision * recall / (precision + recall)


def scores(predicted, answers, version_2):
    if version_2:
        answers = [answer for answer in answers if normalize_answer(answer)] or [""]
    return [max(exact(answer, predicted) for answer in answers), max(f1(answer, predicted, version_2) for answer in answers)]


def matches():
    texts = ["", "the", "The Amazon", "amazon", "an  Amazon,", "U.S.", "us", "a-b", "ab", "7,000,000", "7000000 km²",
             "New\u00a0York City", "new york", "thé", "a the an", "the\u0301 sea", "sea", "don't", "dont", "x_y a_b",
             "the cat sat on the mat", "cat on a mat sat", "中文 the", "ÄRGER", "ärger", "A. Smith", "smith", "a\u200bb"]
    choice = random.Random(SEED + 1)
    for predicted in texts:
        for _ in range(8):
            answers = [choice.choice(texts) for _ in range(choice.randrange(1, 4))]
            yield {"predicted": predicted, "answers": answers, "v1": scores(predicted, answers, False),
                   "v2": scores(predicted, answers, True)}
    for predicted in texts:
        yield {"predicted": predicted, "answers": [], "v2": scores(predicted, [], True)}


def best_answer(windows, version_2, n_best=20, longest=30):
    """postprocess_qa_predictions of transformers' examples for one question: the best answer as byte offsets, or None;
    its score; the score of no answer less the best one's."""
    null, found = None, []
    for window in windows:
        starts, ends, offsets = window["starts"], window["ends"], window["offsets"]
        score = starts[0] + ends[0]
        null = score if null is None else min(null, score)

        def order(values):
            return sorted(range(len(values)), key=lambda index: (-values[index], index))[:n_best]

        for start in order(starts):
            for end in order(ends):
                if offsets[start] is None or offsets[end] is None or end < start or end - start + 1 > longest:
                    continue
                found.append((starts[start] + ends[end], offsets[start][0], offsets[end][1]))
    best = max(found, key=lambda entry: entry[0])
    margin = null - best[0]
    return {"range": None if version_2 and margin > 0 else [best[1], best[2]], "margin": margin}


def searches():
    choice = random.Random(SEED + 2)
    for _ in range(60):
        windows = []
        for number in range(choice.randrange(1, 4)):
            length = choice.randrange(12, 60)
            question = choice.randrange(2, 6)
            offsets = [None] * question + [[100 * number + 2 * i, 100 * number + 2 * i + 2]
                                           for i in range(length - question - 1)] + [None]
            # In eighths, which Float32 and its sums hold exactly.
            windows.append({"offsets": offsets, "starts": [choice.randrange(-40, 41) / 8 for _ in range(length)],
                            "ends": [choice.randrange(-40, 41) / 8 for _ in range(length)]})
            # The first token stands for no answer, which is the best now and then.
            windows[-1]["starts"][0] = choice.randrange(81) / 8
            windows[-1]["ends"][0] = choice.randrange(81) / 8
        yield {"windows": windows, "v1": best_answer(windows, False), "v2": best_answer(windows, True)}


def write(name, lines):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
        count = 0
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            count += 1
    print(name, count)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    every = list(tokenizers())
    write("words.jsonl", (line for name, text in every for line in words_lines(name, text)))
    write("windows.jsonl", (line for name, text in every for line in windows_lines(name, text)))
    write("spans.json", [spans()])
    write("matches.jsonl", matches())
    write("searches.jsonl", searches())


if __name__ == "__main__":
    main()
