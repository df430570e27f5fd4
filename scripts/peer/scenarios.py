"""What is compared, and the files that both sides read for it."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy
from safetensors.numpy import save_file

from batches import LONGEST, Batch, Corpus, cut, grouped_by_length, log_normal_lengths
from chats import ChatCorpus
from pictures import Pictures

INITIAL_RANK, AVERAGE_RANK = 12, 8
WARM_UP_STEPS = 3
GAUSSIAN = 0.02  # of PEFT's and the paper's start


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    lengths: Literal["equal", "log-normal", "wordnet", "chat", "chat-alone", "images"]
    batch_size: int = 32
    grouped: bool = False
    tcmalloc: bool = False
    compiled: bool = False
    bert_base: bool = False
    vit_base: bool = False
    recompute: str = "none"
    precision: str = "float32"
    decoder: Literal["smollm2", "gemma"] | None = None

    @property
    def is_best(self) -> bool:
        return self.grouped and self.tcmalloc


def chat_scenarios(prefix: str, title: str, decoder: str, lengths: str, batch_size: int) -> list[Scenario]:
    """Against transformers as it comes, and against a program that a careful person writes."""
    return [
        Scenario(prefix, f"{title}; PEFT default padding", lengths, batch_size, decoder=decoder),
        Scenario(
            f"{prefix}-best",
            f"{title}; PEFT with length grouping, logits of answers alone, tcmalloc",
            lengths,
            batch_size,
            grouped=True,
            tcmalloc=True,
            decoder=decoder,
        ),
    ]


SCENARIOS = [
    Scenario("equal", "32 × 128 tokens; PEFT default", "equal"),
    Scenario("equal-tcmalloc", "32 × 128 tokens; PEFT with tcmalloc", "equal", tcmalloc=True),
    Scenario(
        "equal-compile", "32 × 128 tokens; PEFT with tcmalloc, torch.compile", "equal", tcmalloc=True, compiled=True
    ),
    Scenario("real", "log-normal lengths, mean 30; PEFT default padding", "log-normal"),
    Scenario(
        "real-best",
        "log-normal lengths, mean 30; PEFT with length grouping, tcmalloc",
        "log-normal",
        grouped=True,
        tcmalloc=True,
    ),
    Scenario("wordnet", "WordNet glosses; PEFT default padding", "wordnet"),
    Scenario("bert-base", "BERT-base size, 8 × 128 tokens; PEFT default", "equal", batch_size=8, bert_base=True),
    Scenario(
        "bert-base-best",
        "BERT-base size, 8 × 128 tokens; PEFT with tcmalloc, torch.compile",
        "equal",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        bert_base=True,
    ),
    Scenario("vit-base", "ViT-base size, 8 images of 224 pixels; PEFT default", "images", batch_size=8, vit_base=True),
    Scenario(
        "vit-base-best",
        "ViT-base size, 8 images of 224 pixels; PEFT with tcmalloc, torch.compile",
        "images",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        vit_base=True,
    ),
    Scenario(
        "vit-base-recompute",
        "ViT-base size, 8 images, layers recomputed here; PEFT with tcmalloc, torch.compile",
        "images",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        vit_base=True,
        recompute="layers",
    ),
    Scenario(
        "vit-base-recompute-all",
        "ViT-base size, 8 images, all recomputed here; PEFT with tcmalloc, torch.compile",
        "images",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        vit_base=True,
        recompute="all",
    ),
    Scenario(
        "bert-base-recompute-all",
        "BERT-base size, 8 × 128 tokens, all recomputed here; PEFT with tcmalloc, torch.compile",
        "equal",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        bert_base=True,
        recompute="all",
    ),
    Scenario(
        "bert-base-recompute-weights",
        "BERT-base size, 8 × 128 tokens, weights laid out anew here; PEFT with tcmalloc, torch.compile",
        "equal",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        bert_base=True,
        recompute="weights",
    ),
    Scenario(
        "vit-base-recompute-weights",
        "ViT-base size, 8 images, weights laid out anew here; PEFT with tcmalloc, torch.compile",
        "images",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        vit_base=True,
        recompute="weights",
    ),
    Scenario(
        "vit-base-bf16-all",
        "ViT-base size, 8 images, bf16 and all recomputed here; PEFT with tcmalloc, torch.compile",
        "images",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        vit_base=True,
        recompute="all",
        precision="bf16",
    ),
    Scenario(
        "bert-base-bf16-all",
        "BERT-base size, 8 × 128 tokens, bf16 and all recomputed here; PEFT with tcmalloc, torch.compile",
        "equal",
        batch_size=8,
        tcmalloc=True,
        compiled=True,
        bert_base=True,
        recompute="all",
        precision="bf16",
    ),
    *chat_scenarios("chat", "SmolLM2-135M, answers after one system prompt", "smollm2", "chat", 16),
    *chat_scenarios("chat-alone", "SmolLM2-135M, answers, no common beginning", "smollm2", "chat-alone", 16),
    *chat_scenarios("gemma", "Gemma-3-270M, answers after one system prompt", "gemma", "chat", 8),
]


def make_batches(
    scenario: Scenario, corpus: Corpus | ChatCorpus | Pictures, steps: int, seed: int
) -> tuple[list[Batch], list[Batch]]:
    """Batches of this project and of PEFT; the warm-up steps are the same also where PEFT gets grouped ones."""
    count = steps * scenario.batch_size
    match scenario.lengths:
        case "chat" | "chat-alone":
            examples = corpus.rows(count, seed, system=scenario.lengths == "chat")
        case "images":
            examples = corpus.rows(count, seed)
        case "equal":
            examples = corpus.of_lengths([LONGEST] * count, seed)
        case "log-normal":
            examples = corpus.of_lengths(log_normal_lengths(count, seed), seed)
        case "wordnet":
            examples = (corpus.shuffled(seed) * (count // len(corpus.examples) + 1))[:count]
    batches = cut(examples, scenario.batch_size)
    if not scenario.grouped:
        return batches, batches
    return batches, batches[:WARM_UP_STEPS] + grouped_by_length(batches[WARM_UP_STEPS:], seed)


@dataclasses.dataclass(frozen=True)
class ModelSize:
    layers: int
    hidden: int
    intermediate: int
    of_images: bool = False

    @staticmethod
    def read(folder: Path) -> "ModelSize":
        config = json.loads((folder / "config.json").read_text())
        return ModelSize(
            config["num_hidden_layers"],
            config["hidden_size"],
            config["intermediate_size"],
            of_images=config["model_type"] == "vit",
        )

    def sites(self) -> list[tuple[str, int, int]]:
        """Module path, outputs and inputs of each adapted matrix."""
        wide = self.intermediate
        if self.of_images:
            start = "vit.layers"
            names = [f"attention.{part}_proj" for part in "qkvo"] + ["mlp.fc1", "mlp.fc2"]
        else:
            start = "bert.encoder.layer"
            names = [f"attention.self.{part}" for part in ("query", "key", "value")]
            names += ["attention.output.dense", "intermediate.dense", "output.dense"]
        shapes = [(self.hidden, self.hidden)] * 4 + [(wide, self.hidden), (self.hidden, wide)]
        return [
            (f"{start}.{layer}.{name}", *shape)
            for layer in range(self.layers)
            for name, shape in zip(names, shapes, strict=True)
        ]

    def floating_point_operations(self, batch: Batch, rank: int) -> float:
        """What a step cannot do without: products forward, for input gradients and for the adapters' gradients.

        The input gradients of the lowest query, key and value are not needed, and of the last layer only keys and
        values for other rows than each sequence's first. Attention: 2 products forward, 4 backward, of 2·L·C
        operations per query row each. Norms, activations, optimizer and head are left out, and what makes rows of patches.
        """
        lengths = [example.length for example in batch]
        tokens, work = sum(lengths), 0
        for path, outputs, inputs in self.sites():
            is_read = f".{self.layers - 1}." not in path or path.endswith((".key", ".value", ".k_proj", ".v_proj"))
            rows = tokens if is_read else len(lengths)
            work += rows * (2 * 2 * outputs * inputs + 3 * 2 * rank * (outputs + inputs))
        scores = (self.layers - 1) * sum(length**2 for length in lengths) + tokens
        return work - 3 * 2 * self.hidden**2 * tokens + 6 * 2 * self.hidden * scores


@dataclasses.dataclass(frozen=True)
class DecoderSize:
    layers: int
    hidden: int
    intermediate: int
    queries: int
    keys: int
    vocabulary: int

    @staticmethod
    def read(path: Path) -> "DecoderSize":
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return DecoderSize(
            config.num_hidden_layers,
            config.hidden_size,
            config.intermediate_size,
            width * config.num_attention_heads,
            width * config.num_key_value_heads,
            config.vocab_size,
        )

    def floating_point_operations(self, batch: Batch, rank: int) -> float:
        """As of `ModelSize`, were each row computed alone: of the last layer only keys and values for other rows than those
        that a learned token follows, logits of these alone. Causal attention reads half of the rows on average."""
        lengths = [len(example.ids) for example in batch]
        tokens, read = sum(lengths), sum(len(example.learned or []) for example in batch)
        shapes = [
            (self.queries, self.hidden),
            (self.hidden, self.queries),
            (self.intermediate, self.hidden),
            (self.intermediate, self.hidden),
            (self.hidden, self.intermediate),
        ]
        work = 0.0
        for outputs, inputs in shapes:
            rows = (self.layers - 1) * tokens + read
            work += rows * (2 * 2 * outputs * inputs + 3 * 2 * rank * (outputs + inputs))
        work += 2 * self.layers * tokens * (2 * 2 * self.keys * self.hidden + 3 * 2 * rank * (self.keys + self.hidden))
        work -= 2 * (self.queries + 2 * self.keys) * self.hidden * tokens
        scores = self.layers * sum(length**2 for length in lengths) / 2
        return work + 6 * 2 * self.queries * scores + 2 * 2 * read * self.vocabulary * self.hidden


def write_start(path: Path, size: ModelSize, labels: int, seed: int, with_lambda: bool) -> Path:
    """Initial values that both sides read: the head, adapters as PEFT draws them, and λ where it is not to be 0."""
    generator = numpy.random.default_rng(seed)

    def normal(*shape: int, deviation: float = GAUSSIAN) -> numpy.ndarray:
        return (generator.standard_normal(shape) * deviation).astype(numpy.float32)

    tensors = {"classifier.weight": normal(labels, size.hidden), "classifier.bias": numpy.zeros(labels, numpy.float32)}
    for site, outputs, inputs in size.sites():
        tensors[f"{site}.lora_A"] = normal(INITIAL_RANK, inputs)
        tensors[f"{site}.lora_B"] = normal(outputs, INITIAL_RANK)
        if with_lambda:
            # Large enough to matter: ΔW is then some 7 % of W.
            tensors[f"{site}.lora_E"] = normal(INITIAL_RANK, 1, deviation=2)
    save_file(tensors, path)
    return path


def make_bert_base(folder: Path) -> Path:
    """A random checkpoint of BERT-base's size, 440 MB, made once."""
    from transformers import BertConfig, BertModel

    return make_random(folder, lambda: BertModel(BertConfig()))


def make_vit_base(folder: Path) -> Path:
    """A random checkpoint of the size of ViT-base, 224 pixels and patches of 16, 340 MB, made once."""
    from transformers import ViTConfig, ViTModel

    return make_random(folder, lambda: ViTModel(ViTConfig(), add_pooling_layer=False))


def make_random(folder: Path, model: Callable[[], Any]) -> Path:
    if not (folder / "config.json").exists():
        import torch
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.manual_seed(1)
        staging = folder.with_suffix(".new")
        model().save_pretrained(staging)
        staging.rename(folder)
    return folder
