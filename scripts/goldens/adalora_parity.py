#!/usr/bin/env python3
"""Write the AdaLoRA and LoRA goldens with the reference implementation (Hugging Face PEFT, float32 CPU).

Base model: Tests/Goldens/bert/model (run bert_parity.py first). Files, see scripts/goldens/README.md:
batches.json, initial/final.safetensors, steps.json, gradients.safetensors/.json, peft_adapter/,
lora.json, lora_initial/lora_final.safetensors.

    HF_HUB_OFFLINE=1 python3 scripts/goldens/adalora_parity.py             # peft 0.21.2, torch 2.13.0
    HF_HUB_OFFLINE=1 python3 scripts/goldens/adalora_parity.py --search 40 # compare seeds, write nothing
"""

import os
import random
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import AdaLoraConfig, LoraConfig, PeftModel, TaskType, get_peft_model
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import BertForSequenceClassification

from bert_parity import GOLDENS, labels_of, padded, random_sequence, write_json

FOLDER = os.path.join(GOLDENS, "adalora")
BASE = os.path.join(GOLDENS, "bert", "model")
SITES = (r"bert\.encoder\.layer\.\d+\.(attention\.self\.(query|key|value)|attention\.output\.dense"
         r"|intermediate\.dense|output\.dense)")
STEPS, T_FINAL, WEIGHT = 24, 6, 0.5
SEED = 4
LEARNING_RATE, WEIGHT_DECAY, EPSILON, CLIP = 1e-3, 0.01, 1e-8, 1.0


def base_model(dtype):
    return BertForSequenceClassification.from_pretrained(BASE, attn_implementation="eager", dtype=dtype)


def make_batches(seed):
    generator = random.Random(seed)
    return [[random_sequence(generator, generator.randint(3, 20)) for _ in range(4)] for _ in range(STEPS)]


def short(name):
    """PEFT's parameter name to "<module path>.lora_X" or "classifier.weight"."""
    for old, new in (("base_model.model.", ""), (".modules_to_save", ""), (".default", "")):
        name = name.replace(old, new)
    return name.removesuffix(".weight") if ".lora_" in name else name


def trainables(model):
    # The number of ranks that PEFT keeps beside the factors is one in float64 alone, where it would train.
    return {short(name): parameter for name, parameter in model.named_parameters()
            if parameter.requires_grad and ".ranknum" not in name}


def site_paths(model):
    return [name.removesuffix(".lora_A") for name in trainables(model) if name.endswith(".lora_A")]


def initialize(model, seed, zero):
    """lora_A (and lora_B unless zero names it) ~ N(0, 0.3²), drawn in float32; the tensors in zero stay 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in trainables(model).items():
            if name.endswith(zero):
                parameter.zero_()
            elif ".lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)


def adalora_model(seed, dtype=torch.float32):
    config = AdaLoraConfig(
        task_type=TaskType.SEQ_CLS, target_modules=SITES, init_r=4, target_r=2, lora_alpha=4, lora_dropout=0.0,
        beta1=0.85, beta2=0.85, orth_reg_weight=WEIGHT, tinit=4, tfinal=T_FINAL, deltaT=2, total_step=STEPS)
    model = get_peft_model(base_model(dtype), config)
    initialize(model, seed, zero=".lora_E")
    assert len(site_paths(model)) == 12, site_paths(model)
    model.train()
    return model


def snapshot(model):
    return {name: parameter.detach().flatten().clone() if name.endswith(".lora_E") else parameter.detach().clone()
            for name, parameter in trainables(model).items()}


def regularizer(model):
    """PEFT's term, weighted: the mean of the unsquared Frobenius norms over the 2n matrices."""
    norms = []
    for name, parameter in trainables(model).items():
        if name.endswith((".lora_A", ".lora_B")):
            gram = parameter @ parameter.T if name.endswith(".lora_A") else parameter.T @ parameter
            norms.append(torch.norm(gram - torch.eye(len(gram), dtype=gram.dtype)))
    return WEIGHT * sum(norms) / len(norms)


def triplet_scores(allocator, path):
    def score(part):
        name = f"{path}.{part}.default"
        return allocator.exp_avg_ipt[name] * allocator.exp_avg_unc[name]

    vectors = torch.stack([score("lora_A").mean(dim=1), score("lora_B").mean(dim=0)], dim=1)
    return score("lora_E").view(-1) + vectors.sum(dim=1)


def relative_gap(scores, masks):
    kept = min(s for path in scores for s, keep in zip(scores[path], masks[path]) if keep)
    pruned = max(s for path in scores for s, keep in zip(scores[path], masks[path]) if not keep)
    return (kept - pruned) / kept


def optimizer_of(model):
    return torch.optim.AdamW(trainables(model).values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=EPSILON)


def classified(model, sequences):
    """What a batch gives, PEFT's term in its loss, and the task's loss alone."""
    labels = labels_of(sequences)
    outputs = model(**padded(sequences), labels=labels)
    return outputs, cross_entropy(outputs.logits, labels)


def train_adalora(model, batches, run=classified):
    """A record of each step, and of each allocation the margin between kept and pruned scores. `run` is as `classified`."""
    optimizer, allocator = optimizer_of(model), model.base_model.rankallocator
    settings = model.peft_config["default"]
    last_allocation = settings.total_step - settings.tfinal
    paths = site_paths(model)
    masks = {path: [True] * settings.init_r for path in paths}
    steps, gaps, scores = [], [], None
    for step, sequences in enumerate(batches, start=1):
        outputs, task = run(model, sequences)
        task, term = task.item(), regularizer(model).item()
        assert abs(outputs.loss.item() - task - term) < 1e-5
        outputs.loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trainables(model).values(), CLIP)
        optimizer.step()
        model.base_model.update_and_allocate(step)
        optimizer.zero_grad()

        budget, chosen = allocator.budget_schedule(step)
        chosen = step <= last_allocation and (chosen or step == last_allocation)
        if step < last_allocation:
            scores = {path: triplet_scores(allocator, path).tolist() for path in paths}
        record = {"step": step, "loss": outputs.loss.item(), "taskLoss": task, "regularizer": term,
                  "gradientNorm": norm.item(), "budget": budget, "maskChosen": chosen}
        if chosen:
            pattern = settings.rank_pattern
            masks = {path: pattern[f"{path}.lora_E.default"] for path in paths}
            assert sum(map(sum, masks.values())) == budget
            # PEFT does not update the importance at T - t_f, so that step ranks by the scores of the step before.
            record["relativeGap"] = relative_gap(scores, masks)
            gaps.append(record["relativeGap"])
        record["masks"] = masks
        record["scores"] = scores if step < last_allocation else None
        record["nonzero"] = {path: (trainables(model)[f"{path}.lora_E"] != 0).flatten().tolist() for path in paths}
        steps.append(record)
    return steps, gaps


def logits(model, sequences):
    model.eval()
    with torch.no_grad():
        result = model(**padded(sequences)).logits
    model.train()
    return result


def write_gradients(seed, sequences):
    model = adalora_model(seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    tensors = {}
    with torch.no_grad():
        for name, parameter in trainables(model).items():
            if name.endswith(".lora_E"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
                tensors[f"start.{name}"] = parameter.flatten().clone()
    task, term = cross_entropy(model(**padded(sequences)).logits, labels_of(sequences)), regularizer(model)
    parameters = trainables(model)
    for name, gradient in zip(parameters, torch.autograd.grad(task, parameters.values())):
        tensors[f"task.{name}"] = (gradient.flatten() if name.endswith(".lora_E") else gradient).contiguous()
    parameters = {name: p for name, p in parameters.items() if name.endswith((".lora_A", ".lora_B"))}
    for name, gradient in zip(parameters, torch.autograd.grad(term, parameters.values())):
        tensors[f"regularizer.{name}"] = gradient.contiguous()
    save_file(tensors, os.path.join(FOLDER, "gradients.safetensors"))
    write_json(os.path.join(FOLDER, "gradients.json"), {"taskLoss": task.item(), "regularizer": term.item()})


def save_adapter(model, folder, base):
    """Saves it for the model of the path `base`, which means something wherever the folder is."""
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "README.md")):
        os.remove(os.path.join(folder, "README.md"))


def train_lora(seed, batches):
    config = LoraConfig(task_type=TaskType.SEQ_CLS, target_modules=SITES, r=2, lora_alpha=4, lora_dropout=0.0)
    model = get_peft_model(base_model(torch.float32), config)
    initialize(model, seed, zero=".lora_B")
    model.train()
    assert len(site_paths(model)) == 12
    save_file(snapshot(model), os.path.join(FOLDER, "lora_initial.safetensors"))
    optimizer, losses, norms = optimizer_of(model), [], []
    for sequences in batches[:5]:
        loss = model(**padded(sequences), labels=labels_of(sequences)).loss
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(trainables(model).values(), CLIP).item())
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    save_file(snapshot(model), os.path.join(FOLDER, "lora_final.safetensors"))
    write_json(os.path.join(FOLDER, "lora.json"), {"losses": losses, "gradientNorms": norms})
    print("LoRA losses", losses)


def against_float64(exact, batches, steps, final, run=classified):
    """The same run of the same model in float64: the ground for the tolerances of the tests."""
    exact_steps, _ = train_adalora(exact, batches, run)
    same = all(a["masks"] == b["masks"] for a, b in zip(steps, exact_steps))
    loss = max(abs(a["loss"] - b["loss"]) for a, b in zip(steps, exact_steps))
    score = max(abs(x - y) / y for a, b in zip(steps, exact_steps) if a["scores"]
                for path in a["scores"] for x, y in zip(a["scores"][path], b["scores"][path]))
    values = {}
    for name, tensor in snapshot(exact).items():
        kind = name.rsplit(".", 1)[-1] if ".lora_" in name else "classifier"
        values[kind] = max(values.get(kind, 0), (tensor - final[name]).abs().max().item())
    return same, loss, score, values


def search(count, model_of=adalora_model, batches_of=make_batches, run=classified):
    for seed in range(1, count + 1):
        model, batches = model_of(seed), batches_of(seed)
        steps, gaps = train_adalora(model, batches, run)
        ranks = sorted(map(sum, steps[-1]["masks"].values()))
        same, loss, score, values = against_float64(
            model_of(seed, torch.float64), batches, steps, snapshot(model), run)
        print(seed, f"gap {min(gaps):.2e} ranks {ranks} same {same} loss {loss:.1e} score {score:.1e}",
              {kind: f"{value:.1e}" for kind, value in values.items()}, flush=True)


def describe(steps, gaps):
    print("smallest relative gap", min(gaps), "of", len(gaps), "allocations")
    print("losses", [round(step["loss"], 4) for step in steps])
    print("budgets", [(step["step"], step["budget"]) for step in steps if step["maskChosen"]])
    print("final ranks", {path: sum(mask) for path, mask in steps[-1]["masks"].items()})


def main():
    torch.set_num_threads(1)
    if "--search" in sys.argv:
        return search(int(sys.argv[-1]))
    os.makedirs(FOLDER, exist_ok=True)
    batches = make_batches(SEED)
    write_json(os.path.join(FOLDER, "batches.json"), {"steps": [{"sequences": batch} for batch in batches]})
    model = adalora_model(SEED)
    save_file(snapshot(model), os.path.join(FOLDER, "initial.safetensors"))
    steps, gaps = train_adalora(model, batches)
    final = snapshot(model)
    save_file(final, os.path.join(FOLDER, "final.safetensors"))
    final_logits = logits(model, batches[0])
    saved = os.path.join(FOLDER, "peft_adapter")
    save_adapter(model, saved, "../bert/model")
    reloaded_logits = logits(PeftModel.from_pretrained(base_model(torch.float32), saved), batches[0])
    write_json(os.path.join(FOLDER, "steps.json"), {
        "steps": steps, "finalLogits": final_logits.tolist(), "reloadedLogits": reloaded_logits.tolist()})
    describe(steps, gaps)
    print("reloaded - final logits", (reloaded_logits - final_logits).abs().max().item())
    print("float64: same masks, loss, relative score, final values",
          against_float64(adalora_model(SEED, torch.float64), batches, steps, final))
    write_gradients(SEED, batches[0])
    train_lora(SEED, batches)


if __name__ == "__main__":
    main()
