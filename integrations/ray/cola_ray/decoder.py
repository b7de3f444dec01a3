"""Runs a language model that @cola/lora or optimum exported, with a cache of keys and values where the file has one."""

import json
import re
from pathlib import Path

import numpy as np

from .artifacts import open_model
from .errors import ColaRayError

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
# Where configurations have the longest text, the most common first.
_LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx")


def config_of(model: Path) -> dict:
    """The config.json of a model: beside it, or in the folder above."""
    for folder in (model.parent, model.parent.parent):
        path = folder / "config.json"
        if path.exists():
            return json.loads(path.read_text("utf-8"))
    return {}


def longest_text(config: dict) -> int:
    """The greatest number of tokens of a text; 0 where the configuration does not say it."""
    return next((int(config[name]) for name in _LENGTHS if isinstance(config.get(name), int)), 0)


class Decoder:
    """A model whose texts have one length in each call: nothing is padded, so that every export computes the same."""

    def __init__(self, model: str, device: str, threads: int):
        self.session = open_model(model, device, threads)
        inputs = {one.name: one for one in self.session.get_inputs()}
        outputs = [one.name for one in self.session.get_outputs()]
        if "input_ids" not in inputs:
            raise ColaRayError(model, "it takes no token ids", expected="an input input_ids", found=", ".join(inputs))
        self.logits = "logits" if "logits" in outputs else outputs[0]
        self.caches = {}
        for name in inputs:
            rest = re.sub("^past(_key_values)?", "", name)
            present = next((one for one in (f"present{rest}", f"present_key_values{rest}") if one in outputs), None)
            if rest != name and present:
                self.caches[name] = present
        self.grids = [name for name in ("attention_mask", "position_ids", "token_type_ids") if name in inputs]
        # Files for transformers.js that hold the model with and without its cache.
        self.switch = "use_cache_branch" in inputs
        unknown = set(inputs) - {"input_ids", "use_cache_branch", *self.grids, *self.caches}
        if unknown:
            raise ColaRayError(model, "it takes inputs that a text does not give",
                               expected="input_ids, attention_mask, position_ids and a cache",
                               found=", ".join(sorted(unknown)))
        self.empty = {}
        for name in self.caches:
            heads, _, size = inputs[name].shape[-3:]
            if not (isinstance(heads, int) and isinstance(size, int) and inputs[name].type in _TYPES):
                raise ColaRayError(f'{model}, input "{name}"', "its shape does not tell the heads of the cache",
                                   expected="[batch, heads, tokens, size] of floats", found=str(inputs[name].shape),
                                   fix="Export the model with those two axes fixed.")
            self.empty[name] = (heads, size, _TYPES[inputs[name].type])

    def start(self, rows: int) -> dict:
        """The cache of no tokens."""
        return {name: np.zeros((rows, heads, 0, size), dtype) for name, (heads, size, dtype) in self.empty.items()}

    def step(self, texts: np.ndarray, cache: dict, before: int):
        """Logits [rows, vocab_size] of the token after each text, and the cache with the texts.

        texts: [rows, tokens], int64. before: the tokens that the cache has; 0 without one.
        """
        new = texts[:, before:] if self.caches else texts
        grids = {
            "attention_mask": np.ones_like(texts),
            "position_ids": np.broadcast_to(np.arange(texts.shape[1] - new.shape[1], texts.shape[1]), new.shape),
            "token_type_ids": np.zeros_like(new),
        }
        feeds = {"input_ids": new, **{name: np.ascontiguousarray(grids[name]) for name in self.grids}, **cache}
        if self.switch:
            feeds["use_cache_branch"] = np.array([before > 0])
        logits, *presents = self.session.run([self.logits, *self.caches.values()], feeds)
        return logits.reshape(len(texts), -1, logits.shape[-1])[:, -1], dict(zip(self.caches, presents))
