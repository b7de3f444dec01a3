"""Writes golden cases of kind `decoder` without a cache: small random decoders of many types, as PyTorch's two exporters
write them, a PEFT adapter of all linear layers for each, and what PyTorch, transformers and PEFT compute.

Usage: python make-exported-decoders.py FOLDER dynamo|torchscript [TYPE...]
(torch, transformers, peft, onnx, onnxscript, safetensors; checked with torch 2.15, transformers 5.24, peft 0.21.2)
The cases are not in the repository: `npm run parity -- FOLDER/*` runs them, see docs/results.md, "Golden cases"."""

import importlib
import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

decoders = importlib.import_module("make-decoders")

IDS = dict(vocab_size=decoders.VOCABULARY, pad_token_id=0, bos_token_id=1, eos_token_id=2)
LLAMA = {**decoders.SMALL, "num_attention_heads": 4, "num_key_value_heads": 2}
HEADS = {**LLAMA, "head_dim": 8}
WINDOW = {"sliding_window": 4}
GPT = dict(**IDS, n_embd=32, n_layer=2, n_head=4, n_positions=32)
FALCON = dict(**IDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_hidden_size=24)
OPT = dict(**IDS, ffn_dim=24, max_position_embeddings=32)
NEO = dict(hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=4)
# Configurations by name: a type, perhaps with what is special after a hyphen.
TYPES = {
    "apertus": LLAMA,
    "arcee": LLAMA,
    "biogpt": LLAMA,
    "bloom": dict(**IDS, hidden_size=32, n_layer=2, n_head=4),
    "codegen": dict(**GPT, rotary_dim=4, n_ctx=32),
    "cohere": LLAMA,
    "cohere2": {**LLAMA, **WINDOW},
    "ernie4_5": HEADS,
    "exaone4": {**LLAMA, **WINDOW},
    "falcon": dict(**FALCON, multi_query=True, parallel_attn=True, bias=False, alibi=False),
    "falcon-alibi": dict(**FALCON, multi_query=False, parallel_attn=False, bias=True, alibi=True),
    "falcon-groups": dict(**FALCON, num_kv_heads=2, new_decoder_architecture=True, bias=False, alibi=False),
    "gemma": HEADS,
    "gemma2": {**HEADS, **WINDOW},
    "gemma3_text": {**HEADS, **WINDOW},
    "glm": HEADS,
    "glm4": HEADS,
    "gpt2": GPT,
    "gpt_bigcode": GPT,
    "gpt_neo": dict(**IDS, **NEO, max_position_embeddings=32),
    "gpt_neox": LLAMA,
    "gptj": dict(**GPT, rotary_dim=4),
    "granite": LLAMA,
    "helium": HEADS,
    "hunyuan_v1_dense": HEADS,
    "lfm2": {**LLAMA, "layer_types": ["conv", "full_attention"]},
    "llama": LLAMA,
    "mistral": LLAMA,
    "mpt": dict(**IDS, d_model=32, n_heads=4, n_layers=2, max_seq_len=32, expansion_ratio=1),
    "nemotron": LLAMA,
    "olmo": LLAMA,
    "olmo2": LLAMA,
    "olmo3": {**LLAMA, **WINDOW},
    "opt": dict(**OPT, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=16),
    "persimmon": LLAMA,
    "phi": {**LLAMA, "partial_rotary_factor": 0.5},
    "phi3": {**LLAMA, "original_max_position_embeddings": 32},
    "qwen2": LLAMA,
    "qwen3": HEADS,
    "seed_oss": HEADS,
    "smollm3": LLAMA,
    "stablelm": {**LLAMA, "use_qkv_bias": True},
    "starcoder2": LLAMA,
    "xglm": dict(**OPT, d_model=32, num_layers=2, attention_heads=4),
}


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits


def export(model, path, inputs, exporter):
    axes = {name: {0: "batch", 1: "sequence"} for name in inputs}
    options = dict(input_names=list(inputs), output_names=["logits"])
    if exporter == "dynamo":
        shapes = tuple({axis: torch.export.Dim.DYNAMIC for axis in (0, 1)} for _ in inputs)
        options |= dict(dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
    else:
        options |= dict(dynamic_axes={**axes, "logits": axes["input_ids"]}, dynamo=False, opset_version=17)
    torch.onnx.export(Logits(model), tuple(inputs.values()), path, **options)


def write(folder, name, exporter):
    torch.manual_seed(0)
    config = AutoConfig.for_model(name.split("-")[0], **TYPES[name])
    for key, value in config.to_dict().items():
        if "drop" in key and isinstance(value, float):
            setattr(config, key, 0.0)
    # TorchScript cannot trace the masks of the others.
    attention = "eager" if exporter == "torchscript" else None
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).float().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.dim() == 1) * 0.5, std=0.3)
    out = folder / f"decoder-{name}-{exporter}"
    shutil.rmtree(out, ignore_errors=True)
    (out / "onnx").mkdir(parents=True)
    config.save_pretrained(out)
    inputs = decoders.batch(name)
    export(model, out / "onnx" / "model.onnx", {key: inputs[key] for key in ("input_ids", "attention_mask")}, exporter)
    decoders.write_expected(out, model, inputs, "all-linear")


if __name__ == "__main__":
    folder, exporter, *names = sys.argv[1:]
    for case in names or TYPES:
        try:
            write(Path(folder), case, exporter)
            print(case, flush=True)
        except Exception as error:
            shutil.rmtree(Path(folder) / f"decoder-{case}-{exporter}", ignore_errors=True)
            print(case, "NOT EXPORTED", type(error).__name__, str(error)[:120].replace("\n", " "), flush=True)
