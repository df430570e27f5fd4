#!/usr/bin/env python3
"""Write Tests/Goldens/vocabulary: the mean cross-entropy of hidden · weightᵀ over a vocabulary and its gradients, by
PyTorch (float32 CPU).

expected.safetensors   hidden [T, C], weight [V, C], targets [T] (-1 for none), loss [1], grad.hidden, grad.weight

    python3 scripts/goldens/vocabulary_loss.py   # torch 2.13.0
"""

import os

import torch
from bert_parity import GOLDENS
from safetensors.torch import save_file

ROWS, WIDTH, WORDS, SEED = 37, 16, 301, 20261129

torch.manual_seed(SEED)
hidden = torch.randn(ROWS, WIDTH, requires_grad=True)
weight = torch.randn(WORDS, WIDTH, requires_grad=True)
targets = torch.randint(0, WORDS, (ROWS,))
targets[::4] = -1
loss = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, ignore_index=-1)
loss.backward()
folder = os.path.join(GOLDENS, "vocabulary")
os.makedirs(folder, exist_ok=True)
save_file({"hidden": hidden.detach(), "weight": weight.detach(), "targets": targets.float(), "loss": loss.detach()[None],
           "grad.hidden": hidden.grad, "grad.weight": weight.grad}, os.path.join(folder, "expected.safetensors"))
