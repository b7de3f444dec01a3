"""A large transfer set, on a GPU: texts that a language model writes, some damaged, and a teacher's logits for them.

    python large-transfer.py --model smollm2 --adapter out/lora-onnx/adapter --train train.txt --unlike dev.txt \
      --texts more.txt --count 500000 --out transfer

`--train` has the sentences, one a line, that the language model learns without their labels; no text that is written is
one of them, of `--unlike` or of `--texts`, which come first in the set, whatever its case and punctuation. Writes
transfer.txt, and transfer.safetensors with the logits of both: `transfer` and `in_domain_train`. Two thirds of the
texts are sampled at temperature 1, a sixth at 1.3, and the last sixth are copies of the first with a word moved,
dropped, doubled or exchanged: a teacher of acceptability has something to say of them. On an H100, 667,000 texts take
about two minutes.
"""

import argparse
import random
import re

import torch
import torch.nn.functional as F
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

parser = argparse.ArgumentParser()
for name in ("model", "adapter", "train", "out"):
    parser.add_argument(f"--{name}", required=True)
for name in ("unlike", "texts"):
    parser.add_argument(f"--{name}", default="")
parser.add_argument("--count", type=int, default=500_000)
parser.add_argument("--batch", type=int, default=4096)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# The adapter's folder has the tokenizer with which it was trained, start token included.
tokenizer = AutoTokenizer.from_pretrained(options.adapter)
start = tokenizer.bos_token_id
longest = 34
torch.manual_seed(options.seed)
torch.set_float32_matmul_precision("high")


def half() -> torch.autocast:
    """Products in bfloat16, on a GPU."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def lines(path: str) -> list[str]:
    return open(path, encoding="utf8").read().rstrip("\n").split("\n") if path else []


def batches(texts: list[str], size: int) -> list[tuple[list[int], torch.Tensor]]:
    """Rows and their tokens; the texts of a batch have one length, so that nothing is padded."""
    by_length: dict[int, list[int]] = {}
    tokens = tokenizer(texts).input_ids
    for row, ids in enumerate(tokens):
        by_length.setdefault(len(ids), []).append(row)
    parts = [rows[i : i + size] for rows in by_length.values() for i in range(0, len(rows), size)]
    return [(rows, torch.tensor([tokens[row] for row in rows], device=device)) for rows in parts]


def language_model(texts: list[str]):
    """The whole model, trained on texts between two start tokens."""
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
    steps = [ids for _ in range(options.epochs) for _, ids in shuffled(batches(texts, 64))]
    for step, ids in enumerate(steps):
        optimizer.param_groups[0]["lr"] = 1e-4 * min(1, (step + 1) / 20) * (1 - step / len(steps))
        with half():
            logits = model(ids).logits
        targets = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], start)], 1)
        loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


def shuffled(items: list) -> list:
    return [items[i] for i in torch.randperm(len(items)).tolist()]


@torch.inference_mode()
def sample(model, temperature: float, min_p: float = 0.01) -> list[str]:
    """A batch of texts, without those that do not end. Adding Gumbel noise to logits samples from their softmax."""
    current, cache, columns = torch.full((options.batch, 1), start, device=device), None, []
    for _ in range(longest):
        with half():
            found = model(current, past_key_values=cache, use_cache=True)
        cache, logits = found.past_key_values, found.logits[:, -1].float() / temperature
        likely = logits >= logits.amax(1, keepdim=True) + torch.tensor(min_p).log()
        noise = -torch.empty_like(logits).exponential_().log()
        current = (logits.masked_fill(~likely, -torch.inf) + noise).argmax(1, keepdim=True)
        columns.append(current)
    rows = torch.cat(columns, 1).tolist()
    return tokenizer.batch_decode([row[: row.index(start)] for row in rows if start in row])


def plain(text: str) -> str:
    """A text without case and punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))


def draw(model, count: int, temperature: float, known: set[str]) -> list[str]:
    texts: list[str] = []
    while len(texts) < count:
        for text in map(str.strip, sample(model, temperature)):
            if 8 <= len(text) <= 200 and "\n" not in text and plain(text) not in known:
                known.add(plain(text))
                texts.append(text)
    return texts[:count]


def damage(text: str, draws: random.Random) -> str:
    words = text.split(" ")
    if len(words) < 4:
        return text
    i, j = draws.randrange(len(words) - 1), draws.randrange(len(words))
    kind = draws.randrange(4)
    if kind == 1:
        del words[i]
    elif kind == 2:
        words.insert(j, words[i])
    else:
        other = i + 1 if kind == 0 else j
        words[i], words[other] = words[other], words[i]
    return " ".join(words)


@torch.inference_mode()
def logits_of(texts: list[str]) -> torch.Tensor:
    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, options.adapter).merge_and_unload().to(device).eval()
    logits = torch.zeros(len(texts), 2)
    for rows, ids in batches(texts, options.batch // 2):
        # The last token is the text's: the head is given its state, whatever the token is.
        logits[rows] = model.score(model.model(ids).last_hidden_state[:, -1]).float().cpu()
    return logits


train, given = lines(options.train), lines(options.texts)
known = {plain(text) for text in (*train, *lines(options.unlike), *given)}
model = language_model(train)
written = draw(model, options.count * 2 // 3, 1.0, known)
hot = draw(model, options.count // 6, 1.3, known)
del model
draws = random.Random(options.seed)
damaged = {damage(text, draws) for text in written[: options.count // 5]}
others = sorted(text for text in damaged if plain(text) not in known)
texts = [*given, *written, *hot, *others[: options.count // 6]]
logits = logits_of([*train, *texts])
with open(f"{options.out}.txt", "w", encoding="utf8") as file:
    file.write("\n".join(texts) + "\n")
both = {"in_domain_train": logits[: len(train)], "transfer": logits[len(train) :]}
save_file({name: rows.contiguous() for name, rows in both.items()}, f"{options.out}.safetensors")
print(f"{len(texts)} texts, {(logits[len(train):].argmax(1) == 1).float().mean():.1%} acceptable")
