#!/usr/bin/env python3
"""Write the goldens of heads on tokens and of multi-label classification with the reference implementation (Hugging Face
transformers, PyTorch, float32 CPU), on the tiny encoders of bert_parity.py and encoders_parity.py.

Per architecture and head, in Tests/Goldens/heads/NAME-HEAD:

batch.json             the sequences (ids, types) with labels: of each token (-100 for none), a set, or start and end
expected.safetensors   head.<parameter>, logits as packed rows [T, K] or [B, K], grad.<parameter> of the loss for every
                       parameter that has one; the loss as loss [1]

    HF_HUB_OFFLINE=1 python3 scripts/goldens/heads_parity.py   # torch 2.13.0, transformers 5.23.0
"""

import os
import random

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, packed, write_json
from safetensors.torch import save_file
from transformers import (
    BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification, RobertaForQuestionAnswering,
    RobertaForSequenceClassification, RobertaForTokenClassification,
)

MODELS = {
    "bert": ("bert/model", 101, BertForTokenClassification, BertForQuestionAnswering, BertForSequenceClassification),
    "roberta": ("encoders/roberta/model", 61, RobertaForTokenClassification, RobertaForQuestionAnswering,
                RobertaForSequenceClassification),
}
LABELS, LENGTHS, FIRST_ID, SEED = 4, (1, 6, 11, 17), 3, 20261126


def sequences(choice, name, vocabulary, head):
    for length in LENGTHS:
        second = length // 2 if name == "bert" else 0
        row = {"ids": [choice.randrange(FIRST_ID, vocabulary) for _ in range(length)],
               "types": [0] * (length - second) + [1] * second}
        if head == "token":
            labels = [choice.choice([-100, 0, 1, 2, 3]) for _ in range(length)]
            labels[0] = max(labels[0], 0)
            row["labels"] = labels
        elif head == "span":
            start = choice.randrange(length)
            row["start"], row["end"] = start, choice.randrange(start, length)
        else:
            row["set"] = sorted(choice.sample(range(LABELS), choice.randrange(LABELS + 1)))
        yield row


def run(model, rows, head):
    """Loss, and logits as packed rows."""
    longest = max(len(row["ids"]) for row in rows)
    pad = model.config.pad_token_id

    def table(values, fill):
        return torch.tensor([value + [fill] * (longest - len(value)) for value in values])

    inputs = {"input_ids": table([row["ids"] for row in rows], pad),
              "attention_mask": table([[1] * len(row["ids"]) for row in rows], 0)}
    if model.config.type_vocab_size > 1:
        inputs["token_type_ids"] = table([row["types"] for row in rows], 0)
    if head == "token":
        outputs = model(**inputs, labels=table([row["labels"] for row in rows], -100))
        return outputs.loss, packed(outputs.logits, inputs["attention_mask"])
    truth = torch.tensor([[float(label in row["set"]) for label in range(LABELS)] for row in rows])
    outputs = model(**inputs, labels=truth)
    return outputs.loss, outputs.logits.detach()


def run_spans(model, rows):
    """One sequence at a time: transformers' softmax over start and end would count padding too."""
    losses, logits = [], []
    for row in rows:
        inputs = {"input_ids": torch.tensor([row["ids"]])}
        if model.config.type_vocab_size > 1:
            inputs["token_type_ids"] = torch.tensor([row["types"]])
        outputs = model(**inputs, start_positions=torch.tensor([row["start"]]), end_positions=torch.tensor([row["end"]]))
        losses.append(outputs.loss)
        logits.append(torch.stack([outputs.start_logits[0], outputs.end_logits[0]], dim=-1).detach())
    return torch.stack(losses).mean(), torch.cat(logits)


def main():
    torch.set_num_threads(1)
    for name, (folder, vocabulary, *classes) in MODELS.items():
        for head, kind in zip(("token", "span", "set"), classes):
            choice = random.Random(f"{SEED} {name} {head}")
            rows = list(sequences(choice, name, vocabulary, head))
            torch.manual_seed(SEED)
            options = {"num_labels": 2 if head == "span" else LABELS}
            if head == "set":
                options["problem_type"] = "multi_label_classification"
            model = kind.from_pretrained(
                os.path.join(GOLDENS, folder), attn_implementation="eager", dtype=torch.float32,
                hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout=0.0,
                ignore_mismatched_sizes=True, **options)
            prefix = "qa_outputs" if head == "span" else "classifier"
            generator = torch.Generator().manual_seed(SEED)
            own = {key: value for key, value in model.named_parameters() if key.startswith(prefix)}
            with torch.no_grad():
                for parameter in own.values():
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
            model.train()
            loss, logits = run_spans(model, rows) if head == "span" else run(model, rows, head)
            loss.backward()
            tensors = {f"head.{key}": value.detach().clone() for key, value in own.items()}
            tensors["loss"] = loss.detach().reshape(1)
            tensors["logits"] = logits.clone().contiguous()
            for key, parameter in model.named_parameters():
                if parameter.grad is not None:
                    tensors[f"grad.{key}"] = parameter.grad.clone().contiguous()
            target = os.path.join(GOLDENS, "heads", f"{name}-{head}")
            os.makedirs(target, exist_ok=True)
            write_json(os.path.join(target, "batch.json"), {"sequences": rows})
            save_file(tensors, os.path.join(target, "expected.safetensors"))
            print(name, head, "loss", loss.item(), "logits", tuple(logits.shape), "gradients",
                  sum(key.startswith("grad.") for key in tensors))


if __name__ == "__main__":
    main()
