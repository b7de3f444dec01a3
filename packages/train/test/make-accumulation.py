"""Loss and gradient of one large batch, in PyTorch: python make-accumulation.py > fixtures/accumulation.json

A linear classifier, logits = x w, with torch.nn.functional.cross_entropy over all rows; and over tokens [row, column] for a language model.
"""

import json

import torch
from torch.nn.functional import cross_entropy

generator = torch.Generator().manual_seed(7)
x = torch.randn(11, 4, generator=generator).double()
w = torch.randn(4, 3, generator=generator).double()
labels = torch.tensor([0, 2, -100, 1, 2, 2, 0, -100, -100, 1, 0])


def case(x, labels, **options):
    weight = options.get("weight")
    trained = w.clone().requires_grad_()
    loss = cross_entropy(
        (x @ trained).reshape(-1, 3),
        labels.reshape(-1),
        weight=None if weight is None else torch.tensor(weight).double(),
        label_smoothing=options.get("label_smoothing", 0.0),
    )
    loss.backward()
    return {"options": options, "labels": labels.tolist(), "loss": loss.item(), "gradient": trained.grad.flatten().tolist()}


tokens = torch.randn(5, 6, 4, generator=generator).double()
# Sentences of 6, 1, 4, 2 and 5 labelled tokens.
lengths = [6, 1, 4, 2, 5]
token_labels = torch.tensor([[(3 * row + 2 * i) % 3 if i < length else -100 for i in range(6)] for row, length in enumerate(lengths)])
options = [{}, {"label_smoothing": 0.1}, {"weight": [0.3, 2.0, 1.0]}, {"weight": [0.0, 2.0, 1.0], "label_smoothing": 0.2}, {"weight": [0.3, 2.0, 1.0], "label_smoothing": 0.2}]
result = {
    "w": w.flatten().tolist(),
    "x": x.flatten().tolist(),
    "tokens": tokens.flatten().tolist(),
    "classifier": [case(x, labels, **option) for option in options],
    "language_model": [case(tokens, token_labels, **option) for option in options],
}
print(json.dumps(result))
