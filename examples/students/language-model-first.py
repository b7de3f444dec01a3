"""Does a student that is a language model first learn more from a teacher's logits?

    python language-model-first.py MODEL COLA LOGITS TRANSFER... [--seeds 1 2]

MODEL is the teacher's folder (tokenizer.json, model.safetensors), COLA the folder of CoLA's TSV files, LOGITS the
teacher's of `in_domain_train` (safetensors), TRANSFER a text file of further sentences, with their logits (`transfer`)
in a safetensors file of the same name; the first is of sentences that a language model wrote. A two-layer LSTM over
the teacher's token embeddings, which are frozen, learns the logits by their squared error: from random weights, and
from those of a language model on CoLA's and the first file's sentences; as many steps, the same batches. Prints a line
of JSON for each run: the scores at the best step by in-domain MCC, and at the last.

Needs torch, tokenizers, safetensors, scikit-learn.
"""

import argparse
import csv
import json
import math
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, matthews_corrcoef
from tokenizers import Tokenizer
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("model", type=Path)
parser.add_argument("cola", type=Path)
parser.add_argument("logits", type=Path)
parser.add_argument("transfer", type=Path, nargs="+")
parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
parser.add_argument("--hidden", type=int, default=256)
parser.add_argument("--steps", type=int, default=3000)
parser.add_argument("--language-model-epochs", type=int, default=4)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--lr", type=float, default=2e-3)
options = parser.parse_args()

DEV = ("in_domain_dev", "out_of_domain_dev")


def cola(split):
    with open(options.cola / f"{split}.tsv", encoding="utf8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[3] for row in rows], [int(row[1]) for row in rows]


tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
labelled = cola("in_domain_train")[0]
transfer = [path.read_text(encoding="utf8").splitlines() for path in options.transfer]
targets = torch.cat(
    [load_file(options.logits)["in_domain_train"]]
    + [load_file(path.with_suffix(".safetensors"))["transfer"] for path in options.transfer]
)


def tokens_of(texts):
    return [encoding.ids[:64] for encoding in tokenizer.encode_batch(texts)]


# The tokens that occur, from 1 on; 0 pads, and begins and ends a text of the language model.
train = tokens_of(labelled + [text for texts in transfer for text in texts])
dev = {split: (tokens_of(cola(split)[0]), cola(split)[1]) for split in DEV}
vocabulary = sorted({token for rows in (train, *(rows for rows, _ in dev.values())) for row in rows for token in row})
index = {token: place + 1 for place, token in enumerate(vocabulary)}
train = [[index[token] for token in row] for row in train]
dev = {split: ([[index[token] for token in row] for row in rows], labels) for split, (rows, labels) in dev.items()}
with safe_open(options.model / "model.safetensors", "pt") as file:
    embedding = file.get_tensor("model.embed_tokens.weight").float()[vocabulary]
embedding = torch.cat([torch.zeros(1, embedding.shape[1]), embedding / embedding.std()])


class Student(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(embedding.shape[1], options.hidden, 2, batch_first=True, dropout=0.1)
        self.dropout = torch.nn.Dropout(0.1)
        self.head = torch.nn.Linear(options.hidden, 2)

    def states(self, tokens):
        return self.dropout(self.lstm(self.dropout(embedding[tokens]))[0])

    def forward(self, tokens, lengths):
        return self.head(self.states(tokens)[torch.arange(len(lengths)), lengths - 1])


def padded(rows):
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows]), torch.tensor([len(row) for row in rows])


def batches(rows, generator):
    """Batches of texts of similar lengths, in a random order."""
    order = torch.randperm(len(rows), generator=generator).tolist()
    for start in range(0, len(order), 50 * options.batch):
        block = sorted(order[start : start + 50 * options.batch], key=lambda row: len(rows[row]))
        parts = [block[at : at + options.batch] for at in range(0, len(block), options.batch)]
        for part in torch.randperm(len(parts), generator=generator).tolist():
            yield parts[part]


def endless(rows, generator):
    while True:
        yield from batches(rows, generator)


class Optimizer:
    """AdamW, clipped at 1, with a rate that rises for 6% of the steps and then falls to 0."""

    def __init__(self, parameters, steps):
        self.parameters = list(parameters)
        self.adam = torch.optim.AdamW(self.parameters, options.lr, weight_decay=0.01)
        warmup = max(1, int(0.06 * steps))
        rate = lambda step: min((step + 1) / warmup, max(0, (steps - step) / (steps - warmup)))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.adam, rate)

    def step(self, loss):
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1)
        self.adam.step()
        self.schedule.step()


def language_model(seed):
    """The LSTM's weights after it was trained on the next token."""
    torch.manual_seed(seed)
    student, output = Student(), torch.nn.Linear(options.hidden, len(vocabulary) + 1)
    rows = train[: len(labelled) + len(transfer[0])]
    steps = options.language_model_epochs * math.ceil(len(rows) / options.batch)
    optimizer = Optimizer([*student.parameters(), *output.parameters()], steps)
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(options.language_model_epochs):
        losses = []
        for batch in batches(rows, generator):
            tokens, lengths = padded([[0, *rows[row], 0] for row in batch])
            taught = torch.arange(tokens.shape[1] - 1) < (lengths - 1)[:, None]
            logits = output(student.states(tokens[:, :-1])[taught])
            loss = functional.cross_entropy(logits, tokens[:, 1:][taught])
            optimizer.step(loss)
            losses.append(loss.item())
        print(json.dumps({"seed": seed, "epoch": epoch + 1, "loss": sum(losses) / len(losses)}), flush=True)
    return student.lstm.state_dict()


@torch.no_grad()
def scores(student):
    student.eval()
    result = {}
    for split, (rows, labels) in dev.items():
        logits = [student(*padded(rows[at : at + 128])) for at in range(0, len(rows), 128)]
        found = torch.cat(logits).argmax(-1).tolist()
        result[split] = {"accuracy": accuracy_score(labels, found), "mcc": matthews_corrcoef(labels, found)}
    student.train()
    return result


def distilled(seed, start):
    """The scores of a student of the teacher's logits, from random weights or those of a language model."""
    torch.manual_seed(seed)
    student = Student()
    if start:
        student.lstm.load_state_dict(start)
    optimizer = Optimizer(student.parameters(), options.steps)
    generator = torch.Generator().manual_seed(seed)
    seen = []
    for step, batch in zip(range(1, options.steps + 1), endless(train, generator)):
        logits = student(*padded([train[row] for row in batch]))
        optimizer.step(functional.mse_loss(logits, targets[batch]))
        if step % 250 == 0:
            seen.append({"step": step, **scores(student)})
    best = max(seen, key=lambda one: one["in_domain_dev"]["mcc"])
    run = {"seed": seed, "language_model_first": start is not None}
    print(json.dumps({**run, "best": best, "last": seen[-1]}), flush=True)


for seed in options.seeds:
    distilled(seed, None)
    distilled(seed, language_model(seed))
