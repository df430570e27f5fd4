"""The PyTorch + PEFT side's language model: the weights of a GGUF unpacked to Float32, its only way on a CPU."""

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from batches import Batch

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
IGNORED = -100


def open_base(path: Path, *, answers_only: bool) -> PreTrainedModel:
    base = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="sdpa"
    )
    base.config.use_cache = False
    if answers_only:
        compute_answers_only(base)
    return base


def compute_answers_only(base: PreTrainedModel) -> None:
    """Logits of the rows alone that a learned token follows: transformers can only leave out columns of the whole batch."""

    def forward(input_ids: torch.Tensor, labels: torch.Tensor, attention_mask: Any = None, **_: Any) -> CausalLMOutput:
        hidden = base.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        following = labels[:, 1:]
        read = following != IGNORED
        logits = base.lm_head(hidden[:, :-1][read])
        return CausalLMOutput(loss=cross_entropy(logits, following[read]), logits=logits)

    base.forward = forward


def collate(batch: Batch) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Padded on the right to the longest; without a mask where nothing is padded, which is faster."""
    longest = max(len(example.ids) for example in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for row, example in enumerate(batch):
        values = torch.tensor(example.ids)
        ids[row, : len(values)] = values
        mask[row, : len(values)] = 1
        assert example.learned is not None
        labels[row, example.learned] = values[example.learned]
    inputs = {"input_ids": ids}
    if not mask.all():
        inputs["attention_mask"] = mask
    return inputs, labels


def plain_loss(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Without PEFT's penalty."""
    read = labels[:, 1:] != IGNORED
    rows = logits if logits.dim() == 2 else logits[:, :-1][read]
    return cross_entropy(rows.detach(), labels[:, 1:][read]).item()
