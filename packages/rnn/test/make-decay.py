"""A student whose whole nn.Embedding is trained by PyTorch's optimizers with weight decay, most of its tokens never read: fixtures/decay.json.

usage: python make-decay.py > fixtures/decay.json
"""
import json

import torch
from torch import nn

VOCAB, WIDTH, HIDDEN, LABELS = 14, 4, 3, 2
SENTENCES = [[[1, 5, 6], [9, 5, 1]], [[6, 6, 9], [5, 1, 12]]]  # batches
TARGETS = [[0, 1], [1, 0]]

# kind, options, learning rate of each step, greatest norm of the gradients, options of the embedding's own group
RUNS = {
    "adamw": ("AdamW", {"weight_decay": 0.05}, [1e-3] * 4, 0, None),
    "adamw, linear schedule, clipped": ("AdamW", {"weight_decay": 0.3}, [0.1, 0.075, 0.05, 0.025], 0.01, None),
    "adamw, own group": ("AdamW", {"weight_decay": 0.1}, [0.05] * 4, 0, {"weight_decay": 0.4, "lr_scale": 3}),
    "adamw, group without decay": ("AdamW", {"weight_decay": 0.1}, [0.05] * 4, 0, {"weight_decay": 0.0}),
    "adam with an L2 penalty": ("Adam", {"weight_decay": 0.05}, [1e-3] * 4, 0, None),
    "adam with an L2 penalty, schedule, clipped": ("Adam", {"weight_decay": 0.2}, [0.2, 0.15, 0.1, 0.05], 0.01, None),
    "adam with an L2 penalty, own group": ("Adam", {}, [0.1] * 4, 0, {"weight_decay": 0.5, "lr_scale": 2}),
    "sgd": ("SGD", {"weight_decay": 0.2}, [0.1] * 4, 0, None),
    "sgd with momentum": ("SGD", {"weight_decay": 0.2, "momentum": 0.9}, [0.1, 0.2, 0.1, 0.05], 0.05, None),
    "sgd with Nesterov's momentum": ("SGD", {"weight_decay": 0.2, "momentum": 0.9, "nesterov": True}, [0.1] * 4, 0, {"lr_scale": 0.5}),
}


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, WIDTH)
        self.rnn = nn.RNN(WIDTH, HIDDEN, batch_first=True)
        self.classifier = nn.Linear(HIDDEN, LABELS)

    def forward(self, ids):
        output, _ = self.rnn(self.embedding(ids))
        return self.classifier(torch.relu(output[:, -1]))


def train(start, kind, options, rates, clip, group):
    model = Student()
    model.load_state_dict(start)
    scale = (group or {}).get("lr_scale", 1)
    own = {"weight_decay": group["weight_decay"]} if group and "weight_decay" in group else {}
    others = [p for name, p in model.named_parameters() if not name.startswith("embedding")]
    optimizer = getattr(torch.optim, kind)([{"params": others}, {"params": model.embedding.parameters(), **own}], lr=rates[0], **options)
    for step, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = rate, scale * rate
        optimizer.zero_grad()
        ids, labels = SENTENCES[step % 2], TARGETS[step % 2]
        nn.functional.cross_entropy(model(torch.tensor(ids)), torch.tensor(labels)).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model.embedding.weight.detach()


def numbers(tensor):
    return [float(f"{x:.8g}") for x in tensor.flatten().tolist()]


torch.manual_seed(0)
start = Student().state_dict()
start = {name: value.mul(1000).round().div(1000) for name, value in start.items()}
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "config": {"vocab_size": VOCAB, "embedding_size": WIDTH, "hidden_size": HIDDEN, "num_layers": 1, "num_labels": LABELS},
            "sentences": SENTENCES,
            "labels": TARGETS,
            "start": {name: {"dims": list(value.shape), "values": numbers(value)} for name, value in start.items()},
            "runs": [
                {
                    "name": name,
                    "optimizer": kind.lower(),
                    "options": {**options, **({"max_grad_norm": clip} if clip else {})},
                    "rates": rates,
                    "group": group,
                    "embedding": numbers(train(start, kind, options, rates, clip, group)),
                }
                for name, (kind, options, rates, clip, group) in RUNS.items()
            ],
        }
    )
)
