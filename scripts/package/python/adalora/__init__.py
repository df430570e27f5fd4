"""The program adalora, and one helper that opens with PEFT what it exported. Nothing of it is written in Python."""

import importlib.metadata
import json
import os

__version__ = importlib.metadata.version("adalora")


def program():
    """The path of the program that was installed with this package."""
    files = [file.locate() for file in importlib.metadata.files("adalora") or () if file.parts[-2:] == ("bin", "adalora")]
    # pip install --target moves it without saying so.
    files.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), "bin", "adalora"))
    for file in files:
        if os.access(file, os.X_OK):
            return os.path.realpath(file)
    raise FileNotFoundError("adalora: the program is not among the installed files; install the package again")


def load_with_peft(folder, base=None, **options):
    """A model of transformers with an adapter on it, and its tokenizer.

    folder: what `adalora export RUN --to lora` (or peft-adalora) wrote. base: the base model, where it is not in the place
    that the folder names. Other options go to transformers' `from_pretrained`.

    The logits are those of adalora: where its head reads rows otherwise than the class of transformers does (the mean of all
    tokens, say), the model does so too. Needs `pip install adalora[peft]`.
    """
    import transformers
    from peft import PeftConfig, PeftModel

    with open(os.path.join(folder, "adalora.json"), encoding="utf-8") as file:
        facts = json.load(file)
    classes = {
        "causal-lm": transformers.AutoModelForCausalLM,
        "multiple-choice": transformers.AutoModelForCausalLM,
        "token-classification": transformers.AutoModelForTokenClassification,
        "question-answering": transformers.AutoModelForQuestionAnswering,
    }
    kind = classes.get(facts["task"], transformers.AutoModelForSequenceClassification)
    config = PeftConfig.from_pretrained(folder)
    base = base or config.base_model_name_or_path
    labels = facts.get("labels") or []
    if kind in (transformers.AutoModelForSequenceClassification, transformers.AutoModelForTokenClassification):
        options.setdefault("num_labels", len(labels) or 1)
        if labels:
            options.setdefault("id2label", dict(enumerate(labels)))
        # A base that was trained for something else has a head of another size.
        options.setdefault("ignore_mismatched_sizes", True)
    options.setdefault("dtype", "float32")
    # What was trained of the head comes from the adapter's file; PEFT would look for all of transformers' head.
    trained = list(config.modules_to_save or ())
    config.task_type = config.modules_to_save = None
    model = kind.from_pretrained(base, **options)
    _load_head(model, folder)
    model = PeftModel.from_pretrained(model, folder, config=config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    if facts.get("pooling") in ("mean", "first") and trained:
        _pool(model.get_base_model(), facts["pooling"], _output_module(folder))
    return model.eval(), tokenizer


def _head_tensors(folder):
    """Tensors of the adapter's file that are no factors, by their names in transformers' model."""
    from safetensors import safe_open

    prefix = "base_model.model."
    with safe_open(os.path.join(folder, "adapter_model.safetensors"), framework="pt") as file:
        return {
            name.removeprefix(prefix): file.get_tensor(name)
            for name in file.keys()
            if ".lora_" not in name and not name.endswith(".ranknum")
        }


def _load_head(model, folder):
    tensors = _head_tensors(folder)
    unknown = model.load_state_dict(tensors, strict=False).unexpected_keys
    if unknown:
        raise ValueError(f"{folder}: the model has no place for {', '.join(unknown)}; is it the base of this adapter?")


def _output_module(folder):
    """`classifier`, `classifier.out_proj`: the last linear layer of the head."""
    names = sorted(name for name in _head_tensors(folder) if name.endswith(".weight"))
    if len(names) != 1:
        raise ValueError(f"{folder}: a head of {len(names)} matrices; its README.md says how it is used")
    return names[0].removesuffix(".weight")


def _pool(model, pooling, output):
    """Has the last layer of the head read the mean of all tokens, or the first, whatever stands before it."""
    seen = {}

    def keep(module, arguments, given, result):
        seen["hidden"] = result[0]
        seen["mask"] = given.get("attention_mask")

    def pooled(module, arguments):
        hidden, mask = seen.pop("hidden"), seen.pop("mask")
        if pooling == "first":
            return (hidden[:, 0],)
        if mask is None:
            return (hidden.mean(1),)
        mask = mask[..., None].to(hidden.dtype)
        return ((hidden * mask).sum(1) / mask.sum(1),)

    model.base_model.register_forward_hook(keep, with_kwargs=True)
    model.get_submodule(output).register_forward_pre_hook(pooled)
