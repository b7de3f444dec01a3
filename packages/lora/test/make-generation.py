"""Writes what transformers generates: a small decoder whose cache is joined by Concat, as PyTorch's exporter writes it,
its tokens for prompts padded on the left, and the numbers of its LogitsProcessors.

Usage: python make-generation.py FOLDER  (torch, transformers, onnx)
Checked with torch 2.15, transformers 5.24."""

import json
import sys
from pathlib import Path

import onnx
import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM
from transformers.generation import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

LAYERS, HEADS, GROUPS, SIZE = 2, 2, 1, 8
CONFIG = LlamaConfig(
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    num_key_value_heads=GROUPS,
    head_dim=SIZE,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    attn_implementation="eager",
)
PROMPTS = [[5, 6, 7, 8, 9], [10, 11], [12, 13, 14, 15], [3]]


class Cached(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = DynamicCache()
        for layer in range(LAYERS):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        before, new = past[0].shape[2], input_ids.shape[1]
        # The mask that transformers makes: causal over slots, without padding.
        total = attention_mask.shape[1]
        seen = torch.arange(total)[None, :] <= (torch.arange(new) + before)[:, None]
        allowed = seen[None, None] & (attention_mask[:, None, None, :] == 1)
        bias = torch.where(allowed, 0.0, torch.finfo(torch.float32).min)
        result = self.model(
            input_ids=input_ids, attention_mask=bias, position_ids=position_ids, past_key_values=cache, use_cache=True
        )
        return (result.logits, *(t for layer in cache.layers for t in (layer.keys, layer.values)))


def export(model, path):
    names = [f"{layer}.{kind}" for layer in range(LAYERS) for kind in ("key", "value")]
    past = [torch.randn(2, GROUPS, 3, SIZE) for _ in names]
    ids = torch.tensor([[5, 6], [7, 8]])
    arguments = (ids, torch.ones(2, 5, dtype=torch.int64), torch.tensor([[3, 4], [3, 4]]), *past)
    inputs = ["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{name}" for name in names)]
    outputs = ["logits", *(f"present.{name}" for name in names)]
    axes = {
        "input_ids": {0: "batch", 1: "sequence"},
        "attention_mask": {0: "batch", 1: "total"},
        "position_ids": {0: "batch", 1: "sequence"},
        "logits": {0: "batch", 1: "sequence"},
        **{f"past_key_values.{name}": {0: "batch", 2: "past"} for name in names},
        **{f"present.{name}": {0: "batch", 2: "total"} for name in names},
    }
    torch.onnx.export(
        Cached(model),
        arguments,
        path,
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    exported = onnx.load(path)
    for node in exported.graph.node:
        node.doc_string = ""
    onnx.save(exported, path)


def generated(model, **options):
    width = max(map(len, PROMPTS))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in PROMPTS])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in PROMPTS])
    # Token 39 ends: some rows end early.
    tokens = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=10, do_sample=False, eos_token_id=39, pad_token_id=0, **options
    )
    rows = tokens[:, width:].tolist()
    return [row[: row.index(39)] if 39 in row else row for row in rows]


def processed():
    torch.manual_seed(3)
    scores = torch.randn(1, 12) * 2
    text = [3, 5, 5, 9, 0]
    cases = [
        {"min_p": 0.1},
        {"min_p": 0.4, "temperature": 1.7},
        {"repetition_penalty": 1.4},
        {"repetition_penalty": 0.7, "temperature": 0.8},
        {"top_k": 4, "top_p": 0.8},
        {"top_p": 0.6, "min_p": 0.2, "temperature": 1.3},
        {"repetition_penalty": 1.8, "temperature": 1.5, "top_k": 7, "top_p": 0.9, "min_p": 0.15},
    ]
    rows = {
        "repetition_penalty": RepetitionPenaltyLogitsProcessor,
        "temperature": TemperatureLogitsWarper,
        "top_k": TopKLogitsWarper,
        "top_p": TopPLogitsWarper,
        "min_p": MinPLogitsWarper,
    }
    results = []
    for options in cases:
        values = scores.clone()
        for name, row in rows.items():
            if name in options:
                values = row(options[name])(torch.tensor([text]), values)
        results.append({"options": options, "probabilities": values.softmax(-1)[0].tolist()})
    return {"logits": scores[0].tolist(), "text": text, "cases": results}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = LlamaForCausalLM(CONFIG).float().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.dim() == 1) * 0.5, std=0.3)
    export(model, folder / "model.onnx")
    (folder / "config.json").write_text(json.dumps({**CONFIG.to_dict(), "architectures": ["LlamaForCausalLM"]}) + "\n")
    expected = {
        "prompts": PROMPTS,
        "greedy": generated(model),
        "penalized": generated(model, repetition_penalty=1.5),
        "sampling": processed(),
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
