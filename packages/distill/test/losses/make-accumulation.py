"""The distillation loss and its gradient over one large batch, in PyTorch: python make-accumulation.py > fixtures/accumulation.json

Rows without a label (-100) count in the soft loss only, so the two terms are means over different numbers of rows.
"""

import json

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

generator = torch.Generator().manual_seed(3)
x = torch.randn(11, 4, generator=generator).double()
teacher = 2 * torch.randn(11, 3, generator=generator).double()
w = torch.randn(4, 3, generator=generator).double()
labels = torch.tensor([0, -100, -100, 1, -100, 2, -100, -100, -100, 1, -100])


def case(alpha, temperature, weight, label_smoothing):
    trained = w.clone().requires_grad_()
    logits = x @ trained
    soft = kl_div(log_softmax(logits / temperature, -1), softmax(teacher / temperature, -1), reduction="batchmean") * temperature**2
    hard = cross_entropy(logits, labels, weight=torch.tensor(weight).double(), label_smoothing=label_smoothing)
    loss = alpha * soft + (1 - alpha) * hard
    loss.backward()
    options = {"alpha": alpha, "temperature": temperature, "weight": weight, "label_smoothing": label_smoothing, "scale": "square"}
    return {"options": options, "loss": loss.item(), "gradient": trained.grad.flatten().tolist()}


result = {
    "w": w.flatten().tolist(),
    "x": x.flatten().tolist(),
    "teacher": teacher.flatten().tolist(),
    "labels": labels.tolist(),
    "cases": [case(0.7, 2.0, [1.0, 1.0, 1.0], 0.0), case(0.3, 4.0, [0.3, 2.0, 1.0], 0.1)],
}
print(json.dumps(result))
