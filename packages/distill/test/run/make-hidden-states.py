"""Losses and gradients of students whose hidden states are regressed on a teacher's: fixtures/hidden-states.json.

python make-hidden-states.py    # torch, numpy

Parameters and states are functions of their indices, which the test computes too. A gradient is stored as its first
numbers and its norm.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SENTENCES = [[3, 1, 4, 1, 5], [2, 6], [0, 5, 3], [6, 4, 2, 1]]
LABELS = [1, -100, 0, 1]
EMBEDDING, HIDDEN, WIDTH, VOCABULARY = 5, 4, 6, 7
CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def values(shape, salt):
    return 0.4 * np.sin(1.3 * np.arange(np.prod(shape)) + salt).reshape(shape)


def teacher():
    """States [token, width] of which one number is large; normalized, and rounded to float16 before that."""
    count = sum(map(len, SENTENCES))
    states = (3 * np.sin(0.7 * np.arange(count * WIDTH)).reshape(count, WIDTH)).astype(np.float32)
    states[:, 2] += 40
    states = states.astype(np.float32)
    mean, deviation = states.astype(np.float64).mean(0), states.astype(np.float64).std(0)
    return torch.tensor((states.astype(np.float16).astype(np.float64) - mean) / deviation, dtype=torch.float32)


def case(cell, bidirectional, layers, layer, loss, pooling, taught=(True, True, True, True)):
    """The loss counts the states of the sentences that are taught; all of them normalize."""
    directions = 2 if bidirectional else 1
    embedding = nn.Embedding(VOCABULARY, EMBEDDING)
    rnn = CELLS[cell](EMBEDDING, HIDDEN, layers, batch_first=True, bidirectional=bidirectional)
    head = nn.Linear(directions * HIDDEN, 2)
    projection = nn.Linear(directions * HIDDEN, WIDTH, bias=False)
    parameters = {f"embedding.{k}": v for k, v in embedding.named_parameters()}
    parameters |= {f"rnn.{k}": v for k, v in rnn.named_parameters()}
    parameters |= {f"classifier.{k}": v for k, v in head.named_parameters()}
    parameters["projected_hidden_states.weight"] = projection.weight
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(torch.tensor(values(tuple(p.shape), len(name))))
    # The states of a lower layer are those of a network of fewer layers with the same weights.
    lower = CELLS[cell](EMBEDDING, HIDDEN, layer + 1, batch_first=True, bidirectional=bidirectional)
    outs, lows, logits = [], [], []
    for sentence in SENTENCES:
        x = embedding(torch.tensor([sentence]))
        out, _ = rnn(x)
        low = out if layer == layers - 1 else torch.func.functional_call(
            lower, {k: v for k, v in rnn.named_parameters() if k in dict(lower.named_parameters())}, (x,)
        )[0]
        out, low = out[0], low[0]
        if pooling == "max":
            pooled = torch.relu(out).max(0).values
        else:
            pooled = torch.relu(torch.cat([out[-1, :HIDDEN], out[0, HIDDEN:]]))
        lows.append(low)
        logits.append(head(pooled))
    chosen = torch.tensor([one for sentence, one in zip(SENTENCES, taught) for _ in sentence])
    logits, states, target = torch.stack(logits), projection(torch.cat(lows))[chosen], teacher()[chosen]
    hidden = F.mse_loss(states, target) if loss == "hidden_mse" else 1 - F.cosine_similarity(states, target).mean()
    total = F.cross_entropy(logits, torch.tensor(LABELS)) + (0.7 * hidden if any(taught) else 0 * states.sum())
    total.backward()
    return {
        "cell": cell, "bidirectional": bidirectional, "num_layers": layers, "layer": layer, "loss": loss,
        "pooling": pooling, "taught": taught, "value": total.item(),
        "gradients": {
            name: {"first": p.grad.flatten()[:6].tolist(), "norm": p.grad.norm().item()}
            for name, p in parameters.items()
        },
    }


cases = [
    case("rnn", False, 2, 1, "hidden_mse", "last"),
    case("rnn", False, 2, 0, "hidden_cosine", "last"),
    case("rnn", True, 1, 0, "hidden_mse", "max"),
    case("gru", False, 1, 0, "hidden_mse", "max"),
    case("gru", True, 2, 1, "hidden_cosine", "last"),
    case("lstm", False, 2, 1, "hidden_mse", "max"),
    case("lstm", True, 1, 0, "hidden_mse", "last"),
    case("lstm", True, 2, 0, "hidden_mse", "max"),
    case("lstm", False, 1, 0, "hidden_mse", "max", taught=(False, True, False, True)),
    case("gru", True, 1, 0, "hidden_cosine", "last", taught=(True, False, False, False)),
    case("rnn", False, 1, 0, "hidden_mse", "last", taught=(False, False, False, False)),
]
rounded = json.loads(json.dumps(cases), parse_float=lambda x: float(f"{float(x):.7g}"))
Path(__file__).with_name("fixtures").joinpath("hidden-states.json").write_text(json.dumps(rounded) + "\n")
