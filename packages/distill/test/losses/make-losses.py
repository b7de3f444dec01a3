"""Every loss of the table as PyTorch has it, with gradients, for logits with and without masked classes: fixtures/losses.json.

usage: python make-losses.py > fixtures/losses.json
"""
import json
import math

import torch
import torch.nn.functional as F

INF = float("inf")


def kl(target_logits, input_logits):
    return F.kl_div(F.log_softmax(input_logits, -1), F.softmax(target_logits, -1), reduction="batchmean")


def jensen_shannon(s, t, beta):
    """beta KL(t || m) + (1 - beta) KL(s || m), with torch's kl_div on probabilities."""
    ps, pt = F.softmax(s, -1), F.softmax(t, -1)
    log_m = (beta * pt + (1 - beta) * ps).log()
    return beta * F.kl_div(log_m, pt, reduction="batchmean") + (1 - beta) * F.kl_div(log_m, ps, reduction="batchmean")


def cosine(s, t):
    return 1 - F.cosine_similarity(s, t, dim=-1).mean()


def losses(T, beta):
    return {
        "soft_targets": lambda s, t: kl(t / T, s / T),
        "reverse_kl": lambda s, t: kl(s / T, t / T),
        "jensen_shannon": lambda s, t: jensen_shannon(s / T, t / T, beta),
        "logits_mse": lambda s, t: F.mse_loss(s, t),
        "hidden_mse": lambda s, t: F.mse_loss(s, t),
        "hidden_cosine": cosine,
    }


FACTOR = {"none": lambda T: 1.0, "inverse-square": lambda T: T**-2, "square": lambda T: T**2}
SOFT = {"soft_targets", "reverse_kl", "jensen_shannon"}
OPTIONS = [
    {"temperature": 1, "scale": "none", "beta": 0.5},
    {"temperature": 2, "scale": "inverse-square", "beta": 0.5},
    {"temperature": 3.5, "scale": "square", "beta": 0.3},
]


def number(x):
    return str(x) if math.isnan(x) or math.isinf(x) else float(f"{x:.7g}")


def numbers(tensor):
    return [number(x) for x in tensor.flatten().tolist()]


def evaluate(name, loss, s, t, T, scale, both):
    """Loss and gradient; classes that both mask are left out of both, where kl_div itself multiplies 0 by infinity."""
    kept = [i for i in range(s.shape[1]) if i not in both] if name in SOFT else list(range(s.shape[1]))
    x = s.double()[:, kept].clone().requires_grad_()
    value = loss(x, t.double()[:, kept])
    if name in SOFT:
        value = FACTOR[scale](T) * value
    value.backward()
    if value.isfinite() and x.grad.isnan().any():
        # The student cannot give a class: kl_div's own gradient is 0 times infinity, so the limit is taken.
        x = torch.nn.Parameter(x.detach().clamp(min=-400))
        (FACTOR[scale](T) * loss(x, t.double()[:, kept])).backward()
    gradient = torch.full(s.shape, 0.0 if value.isfinite() else math.nan, dtype=torch.float64)
    gradient[:, kept] = x.grad
    return {"loss": number(value.item()), "gradient": numbers(gradient)}


cases = []
for i, (rows, width) in enumerate([(2, 3), (4, 2), (3, 6)]):
    generator = torch.Generator().manual_seed(i)
    s = (2 * torch.randn(rows, width, generator=generator)).round(decimals=3)
    t = (2 * torch.randn(rows, width, generator=generator)).round(decimals=3)
    # Teacher: one class of the first row and, of three and more, of the last.
    masked = t.clone()
    masked[0, 0] = -INF
    if width > 2:
        masked[-1, 1] = -INF
    kinds = {"none": (s, t, []), "teacher": (s, masked, [])}
    if width > 2:
        # A class that both mask everywhere, and one that the student alone cannot give.
        both_s, both_t = s.clone(), masked.clone()
        both_s[:, 2] = both_t[:, 2] = -INF
        kinds["both"] = (both_s, both_t, [2])
        only = s.clone()
        only[0, 1] = -INF
        kinds["student"] = (only, t, [])
    for mask, (student, teacher, both) in kinds.items():
        option = OPTIONS[(i + len(mask)) % 3]
        of = losses(option["temperature"], option["beta"])
        cases.append(
            {
                "mask": mask,
                "width": width,
                "options": option,
                "student": numbers(student),
                "teacher": numbers(teacher),
                "expected": {
                    name: evaluate(name, loss, student, teacher, option["temperature"], option["scale"], both)
                    for name, loss in of.items()
                    # NaN in PyTorch too, by its definition: not a loss of masked classes.
                    if mask == "none" or name in SOFT or (name.endswith("mse") and mask != "both")
                },
            }
        )

# Cross-entropy of logits with masked classes, and the whole distillation loss.
hard = []
logits = torch.tensor([[0.2, -INF, 1.5], [-0.3, 0.1, 0.4]], dtype=torch.float64, requires_grad=True)
for labels, options in [([2, 1], {}), ([2, -100], {"weight": [1.0, 2.0, 0.5]}), ([1, 0], {}), ([2, 1], {"label_smoothing": 0.1})]:
    logits.grad = None
    weight = torch.tensor(options["weight"], dtype=torch.float64) if "weight" in options else None
    value = F.cross_entropy(logits, torch.tensor(labels), weight=weight, label_smoothing=options.get("label_smoothing", 0.0))
    value.backward()
    hard.append({"labels": labels, "options": options, "loss": number(value.item()), "gradient": numbers(logits.grad)})

print(json.dumps({"torch": torch.__version__, "cases": cases, "logits": numbers(logits.detach()), "cross_entropy": hard}))
