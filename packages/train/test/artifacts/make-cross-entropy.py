"""Cross-entropy of a head with LoRA and a soft cap, by PyTorch in float64: losses and gradients.

Writes ../fixtures/cross-entropy.json: python make-cross-entropy.py
"""

import json
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

torch.manual_seed(1)
rows, width, rank, classes = 8, 3, 2, 7


def round32(*size):
    return (0.7 * torch.randn(*size)).float().double()


tensors = {"x": round32(rows, width), "A": round32(rank, width), "B": round32(classes, rank), "W": round32(classes, width)}
labels = {"some": [3, -100, 0, 6, -100, 2, -100, 5], "none": [-100] * rows, "late": [-100] * 7 + [1]}
weight = [1.0, 0.5, 2.0, 0.0, 1.5, 1.0, 3.0]
cases = []
for name, target in labels.items():
    for smoothing, weights in [(0.0, None), (0.1, None), (0.25, weight)]:
        if name == "none" and weights:
            continue
        leaves = {key: value.clone().requires_grad_() for key, value in tensors.items()}
        z = leaves["x"] @ leaves["W"].T + leaves["x"] @ leaves["A"].T @ leaves["B"].T
        logits = 5 * torch.tanh(z / 5)
        options = {
            "ignore_index": -100,
            "label_smoothing": smoothing,
            "weight": None if weights is None else torch.tensor(weights).double(),
        }
        each = cross_entropy(logits, torch.tensor(target), reduction="none", **options)
        # PyTorch's mean over no labels is NaN; here it is 0.
        loss = each.sum() if name == "none" else cross_entropy(logits, torch.tensor(target), **options)
        loss.backward()
        cases.append(
            {
                "labels": target,
                "label_smoothing": smoothing,
                "weight": weights,
                "loss": loss.item(),
                "each": each.tolist(),
                "gradients": {key: value.grad.flatten().tolist() for key, value in leaves.items()},
            }
        )
fixture = {
    "tensors": {key: {"dims": list(value.shape), "data": value.flatten().tolist()} for key, value in tensors.items()},
    "cases": cases,
}
path = Path(__file__).parent / "../fixtures/cross-entropy.json"
path.write_text(json.dumps(fixture) + "\n")
