"""Makes fixtures/windowed: one tiny Mistral, whose attention sees a window of four tokens, exported with its cache, and
the tokens with which transformers goes on from two prompts.
usage: make-windowed.py OUT_FOLDER    (pip install torch transformers onnx)
Checked with torch 2.15, transformers 5.24."""

import json
import sys
from pathlib import Path

import onnx
import torch
from transformers import DynamicCache, MistralConfig, MistralForCausalLM

sizes = dict(vocab_size=40, hidden_size=16, num_attention_heads=2, num_key_value_heads=1, head_dim=8)
config = MistralConfig(
    **sizes, intermediate_size=24, num_hidden_layers=2, max_position_embeddings=32, sliding_window=4,
    pad_token_id=0, bos_token_id=1, eos_token_id=2, attn_implementation="eager",
)
torch.manual_seed(3)
model = MistralForCausalLM(config).eval().requires_grad_(False)
for parameter in model.parameters():
    torch.nn.init.normal_(parameter, mean=0.5 * float(parameter.dim() == 1), std=0.6)


class WithCache(torch.nn.Module):
    """transformers makes the mask of the window."""

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = DynamicCache(list(zip(past[::2], past[1::2])))
        kwargs = dict(attention_mask=attention_mask, position_ids=position_ids, past_key_values=cache, use_cache=True)
        logits = model(input_ids=input_ids, **kwargs).logits
        return logits, *[tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]


out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
ids = torch.randint(3, 40, (2, 5))
past = [torch.randn(2, 1, 3, 8) for _ in range(4)]
kinds = [f"{layer}.{kind}" for layer in range(2) for kind in ("key", "value")]
pasts, presents = [f"past_key_values.{kind}" for kind in kinds], [f"present.{kind}" for kind in kinds]
batch = {0: "batch_size"}
axes = {name: batch | {1: "sequence_length"} for name in ("input_ids", "position_ids", "logits")}
axes |= {"attention_mask": batch | {1: "past_sequence_length + sequence_length"}}
axes |= {name: batch | {2: "past_sequence_length"} for name in pasts}
axes |= {name: batch | {2: "past_sequence_length + sequence_length"} for name in presents}
args = (ids, torch.ones(2, 8, dtype=torch.int64), torch.arange(3, 8)[None].repeat(2, 1), *past)
inputs = ["input_ids", "attention_mask", "position_ids", *pasts]
torch.onnx.export(
    WithCache(), args, out / "model.onnx", input_names=inputs, output_names=["logits", *presents],
    dynamic_axes=axes, dynamo=False, opset_version=17,
)
exported = onnx.load(out / "model.onnx")
del exported.graph.value_info[:]
onnx.save(exported, out / "model.onnx")

prompts = [torch.randint(3, 40, (1, length)) for length in (3, 11)]
greedy = []
with torch.no_grad():
    for prompt in prompts:
        tokens = prompt
        for _ in range(8):
            tokens = torch.cat([tokens, model(input_ids=tokens).logits[:, -1:].argmax(-1)], 1)
        greedy.append(tokens[0, prompt.shape[1] :].tolist())
keys = ("sliding_window", "max_position_embeddings")
facts = {"model_type": "mistral", "architectures": ["MistralForCausalLM"], **sizes, **{k: getattr(config, k) for k in keys}}
(out / "config.json").write_text(json.dumps(facts) + "\n")
(out / "expected.json").write_text(json.dumps({"prompts": [p[0].tolist() for p in prompts], "greedy": greedy}) + "\n")
