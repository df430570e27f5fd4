#!/usr/bin/env python3
"""Peak memory of AdaLoRA on a GGUF, here and with PEFT on the same rows: 4 rows of 256 tokens a step, rank 8 on all matrices.

usage: memory.py ADALORA MODEL.gguf|random-1b [--steps N] [--alone] [--work FOLDER] [-- OPTION…]

PEFT trains over the weights unpacked to Float32, which is its only way on a CPU; --alone leaves it out. `random-1b` is a Llama of
1.1 billion random weights (make_random_llama.py) that our quantiser writes as Q4_K into FOLDER, which needs 3 GB; PEFT is left
out there, which would need more than 20 GB. The estimate of `adalora plan` is told beside the peak. What follows `--` goes to
`adalora train` (by default --recompute layers). Rows are WordNet's explanations in one text (scripts/make-wordnet-chat.py). Peaks are those of
whole processes, as the system tells when they have ended.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS, TOKENS, RANK = 4, 256, 8


def rows(path: Path) -> None:
    chats = [json.loads(line) for line in (ROOT / "data/wordnet-chat/train.jsonl").read_text().splitlines()]
    text = " ".join(message["content"] for chat in chats for message in chat["messages"] if message["role"] != "system")
    parts = [text[start:start + 1400] for start in range(0, 1400 * 16, 1400)]
    path.write_text("".join(json.dumps({"text": part}) + "\n" for part in parts))


def peak(command: list[str]) -> int:
    """Bytes; the process is the only child that is waited for here."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{command[0]} failed: {errors[-2000:]}")
    return usage.ru_maxrss * 1024


def random_model(program: str, folder: Path) -> Path:
    """A file of Q4_K; what is there already is used."""
    target = folder / "llama-1b.q4_k.gguf"
    if not target.exists():
        import make_random_llama

        make_random_llama.make(ROOT / "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", folder / "llama-1b")
        export = [program, "export", folder / "llama-1b", "--to", "gguf", "--merged-type", "q4_k", "--output", target]
        print(f"{target.name} written, {peak(export) / 1e6:.0f} MB with the mapped pages of the folder's file")
    return target


def estimate(train: list[str]) -> int:
    """Bytes, by `adalora plan` of the same run."""
    plan = [str(part) for part in [train[0], "plan", *train[2:], "--json"]]
    return json.loads(subprocess.run(plan, check=True, capture_output=True, text=True).stdout)["memory"]["bytes"]


def peft(model: Path, path: Path, steps: int) -> None:
    import torch
    from peft import AdaLoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.parent, gguf_file=model.name)
    base = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float32)
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    ids = [tokenizer(text)["input_ids"][:TOKENS] for text in texts]
    config = AdaLoraConfig(
        init_r=RANK, target_r=RANK // 2, lora_alpha=RANK, tinit=0, tfinal=0, deltaT=1, total_step=steps + 1, task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    tuned = get_peft_model(base, config)
    optimizer = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=1e-3)
    for step in range(1, steps + 1):
        batch = torch.tensor([ids[(step * ROWS + row) % len(ids)] for row in range(ROWS)])
        tuned(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        tuned.base_model.update_and_allocate(step)
        optimizer.zero_grad()


def main() -> None:
    if sys.argv[1] == "--peft":
        return peft(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--work", type=Path)
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:cut])
    more = sys.argv[cut + 1:] or ["--recompute", "layers"]
    with tempfile.TemporaryDirectory() as temporary:
        if options.model == Path("random-1b"):
            options.model, options.alone = random_model(options.program, options.work or Path(temporary)), True
        path = Path(temporary) / "rows.jsonl"
        rows(path)
        train = [options.program, "train", "--model", options.model, "--task", "causal-lm", "--train", path, "--output",
                 Path(temporary) / "run", "--initial-rank", RANK, "--average-rank", RANK // 2, "--max-length", TOKENS,
                 "--batch-size", ROWS, "--steps", options.steps, *more]
        said = estimate(train)
        own = peak(train)
        print(f"{options.model.name}, {ROWS} x {TOKENS} tokens, {' '.join(more)}: {own / 1e6:.0f} MB here, "
              f"{said / 1e6:.0f} MB by plan", end="")
        if not options.alone:
            theirs = peak([sys.executable, __file__, "--peft", options.model.resolve(), path, str(options.steps)])
            print(f", {theirs / 1e6:.0f} MB with PEFT, {theirs / own:.1f} times as much", end="")
        print()


if __name__ == "__main__":
    main()
