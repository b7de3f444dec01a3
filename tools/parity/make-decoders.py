"""Writes golden cases of kind `decoder`: small random decoders as onnxruntime-genai's model builder writes them, a PEFT
adapter for each, and what PyTorch, transformers and PEFT compute.

Usage: python make-decoders.py FOLDER [NAME...]  (torch, transformers, peft, onnxruntime-genai, safetensors)
Checked with torch 2.15, transformers 5.24, peft 0.21.2, onnxruntime-genai 0.18."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GemmaConfig,
    Lfm2Config,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PhiConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

# Not the hidden size: the builder knows the head by the size of the vocabulary.
VOCABULARY = 40
SMALL = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    max_position_embeddings=32,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
SEPARATE = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
HYBRID = ["in_proj", "out_proj", "q_proj", "k_proj", "v_proj", "w1", "w2", "w3"]


def hybrid():
    layers = ["conv", "full_attention"]
    return Lfm2Config(**SMALL, layer_types=layers, block_auto_adjust_ff_dim=False, tie_word_embeddings=True)


# Each with the modules that have LoRA.
CASES = {
    "one-kv-head": (lambda: LlamaConfig(**SMALL), SEPARATE),
    "all-kv-heads": (lambda: LlamaConfig(**{**SMALL, "num_key_value_heads": 2}), SEPARATE),
    "packed-mlp": (lambda: LlamaConfig(**SMALL), SEPARATE),
    "tied": (lambda: LlamaConfig(**SMALL, tie_word_embeddings=True), [*SEPARATE, "embed_tokens"]),
    "qwen2": (lambda: Qwen2Config(**SMALL), SEPARATE),
    "qwen3": (lambda: Qwen3Config(**SMALL, head_dim=16), SEPARATE),
    "lfm2": (hybrid, HYBRID),
    "lfm2-concat": (hybrid, HYBRID),
    "mistral": (lambda: MistralConfig(**SMALL), SEPARATE),
    # The builder writes this epsilon, whatever the configuration has.
    "phi": (lambda: PhiConfig(**SMALL, partial_rotary_factor=1.0, layer_norm_eps=1e-6), ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
    "phi3": (lambda: Phi3Config(**SMALL, original_max_position_embeddings=32), ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    # Tables of rotary positions for texts of at most 16 tokens, and for longer ones.
    "phi3-longrope": (
        lambda: Phi3Config(
            **SMALL,
            original_max_position_embeddings=16,
            rope_parameters={
                "rope_theta": 10000.0,
                "rope_type": "longrope",
                # The builder reads the older name.
                "type": "longrope",
                "short_factor": [1 + 0.1 * i for i in range(8)],
                "long_factor": [1 + i for i in range(8)],
                "original_max_position_embeddings": 16,
            },
        ),
        ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"],
    ),
    # The builder rounds the scale of embeddings, the root of the hidden size, to two decimals.
    "gemma": (lambda: GemmaConfig(**{**SMALL, "hidden_size": 36}, head_dim=16), SEPARATE),
    "gemma2": (
        lambda: Gemma2Config(
            **{**SMALL, "hidden_size": 36},
            head_dim=16,
            sliding_window=4,
            query_pre_attn_scalar=8,
            attn_logit_softcapping=2.0,
            final_logit_softcapping=3.0,
        ),
        SEPARATE,
    ),
}


def tokenizer():
    words = {f"w{i}": i for i in range(VOCABULARY)}
    model = Tokenizer(models.WordLevel(words, unk_token="w3"))
    model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=model, pad_token="w0", bos_token="w1", eos_token="w2", unk_token="w3")


# Lengths of the rows of a batch; of one case they are past the positions of its first training.
LENGTHS = {"phi3-longrope": [20, 4, 18]}


def batch(name):
    """Rows padded on the right, with labels as transformers has them: of the token itself, -100 where none is asked."""
    lengths = LENGTHS.get(name, [7, 4, 6])
    ids = torch.randint(3, VOCABULARY, (len(lengths), max(lengths)))
    mask = torch.tensor([[int(i < n) for i in range(max(lengths))] for n in lengths])
    ids = ids * mask
    labels = ids.masked_fill(mask == 0, -100)
    labels[1, :2] = -100
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def pack_mlp(model):
    """Makes one product of gate_proj and up_proj, and a Split, as other tools write the MLP."""
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for i in range(SMALL["num_hidden_layers"]):
        modules = [f"model.layers.{i}.mlp.{module}.MatMul.weight" for module in ("gate_proj", "up_proj")]
        gate, up = [next(node for node in graph.node if name in node.input) for name in modules]
        matrices = [onnx.numpy_helper.to_array(tensors[name]) for name in modules]
        packed = f"model.layers.{i}.mlp.gate_up_proj"
        graph.initializer.extend([
            onnx.numpy_helper.from_array(np.concatenate(matrices, 1), f"{packed}.MatMul.weight"),
            onnx.numpy_helper.from_array(np.array([m.shape[1] for m in matrices]), f"{packed}.sizes"),
        ])
        product = onnx.helper.make_node(
            "MatMul", [gate.input[0], f"{packed}.MatMul.weight"], [f"{packed}.out"], f"/{packed}/MatMul"
        )
        parts = [gate.output[0], up.output[0]]
        split = onnx.helper.make_node("Split", [f"{packed}.out", f"{packed}.sizes"], parts, f"/{packed}/Split", axis=-1)
        at = list(graph.node).index(gate)
        for node in (gate, up):
            graph.node.remove(node)
        graph.node.insert(at, split)
        graph.node.insert(at, product)
        for name in modules:
            graph.initializer.remove(tensors[name])
    return model


def concat_states(model):
    """Makes of each CausalConvWithState a Concat, a Conv and Slices with the state `past_conv.I` of as many tokens as the
    kernel has, the form of transformers.js's files."""
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "CausalConvWithState"]:
        x, weight, _, past = node.input
        y, present = node.output
        kernel = tensors[weight].dims[2]
        layer = past.split(".")[1]
        state, new_state = f"past_conv.{layer}", f"present_conv.{layer}"
        for values, old, new in ((graph.input, past, state), (graph.output, present, new_state)):
            value = next(value for value in values if value.name == old)
            value.name = new
            value.type.tensor_type.shape.dim[2].dim_value = kernel
        prefix = node.name.rsplit("/", 1)[0]

        def slice_from(name, data, start, output):
            bounds = []
            for key, number in (("starts", start), ("ends", 2**31 - 1), ("axes", 2)):
                bounds.append(f"{name}.{key}")
                graph.initializer.append(onnx.numpy_helper.from_array(np.array([number]), bounds[-1]))
            return onnx.helper.make_node("Slice", [data, *bounds], [output], name)

        nodes = [
            onnx.helper.make_node("Concat", [state, x], [f"{prefix}/whole"], f"{prefix}/Concat", axis=2),
            slice_from(f"{prefix}/Slice", f"{prefix}/whole", -kernel, new_state),
            onnx.helper.make_node(
                "Conv", [f"{prefix}/whole", weight], [f"{prefix}/all"], f"{prefix}/Conv", group=tensors[weight].dims[0]
            ),
            # The first product is of the state alone.
            slice_from(f"{prefix}/Slice_1", f"{prefix}/all", 1, y),
        ]
        at = list(graph.node).index(node)
        graph.node.remove(node)
        for added in reversed(nodes):
            graph.node.insert(at, added)
    return model


# What is made of the builder's file.
CHANGES = {"packed-mlp": pack_mlp, "lfm2-concat": concat_states}


def write(folder, name):
    torch.manual_seed(0)
    make_config, targets = CASES[name]
    config = make_config()
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).float().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.dim() == 1 and "gemma" not in name) * 0.5, std=0.3)
    out = folder / f"decoder-{name}"
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = Path(temporary) / "checkpoint"
        model.save_pretrained(checkpoint)
        tokenizer().save_pretrained(checkpoint)
        built = Path(temporary) / "built"
        arguments = [*"-p fp32 -e cpu".split(), "-i", checkpoint, "-o", built, "-c", Path(temporary) / "cache"]
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (out / "onnx").mkdir(parents=True)
        # The builder writes external data; one file is easier to keep.
        built_model = onnx.load(built / "model.onnx")
        change = CHANGES.get(name, lambda model: model)
        onnx.save(change(built_model), out / "onnx" / "model.onnx")
        shutil.copy(checkpoint / "config.json", out / "config.json")
    write_expected(out, model, batch(name), targets)


def write_expected(out, model, inputs, targets):
    """Writes the inputs, a PEFT adapter of the targets, and what PyTorch computes without and with it."""
    unlabelled = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        expected = {"base_logits": model(**unlabelled).logits}
    adapted = get_peft_model(
        model, LoraConfig(r=2, lora_alpha=4, target_modules=targets, task_type="CAUSAL_LM", lora_dropout=0.0)
    )
    for parameter_name, parameter in adapted.named_parameters():
        if "lora_" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.eval()
    result = adapted(**inputs)
    result.loss.backward()
    expected |= {"lora_logits": result.logits, "loss": result.loss}
    for parameter_name, parameter in adapted.named_parameters():
        if parameter.grad is not None and "lora_" in parameter_name:
            expected["grad." + parameter_name.replace(".default", "")] = parameter.grad
    ids = inputs["input_ids"][:1, :3]
    for _ in range(6):
        with torch.no_grad():
            ids = torch.cat([ids, adapted(input_ids=ids).logits[:, -1:].argmax(-1)], 1)
    expected["greedy"] = ids[0, 3:]
    adapted.save_pretrained(out / "adapter", save_embedding_layers=False)
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    save_file({key: value.detach().contiguous() for key, value in inputs.items()}, out / "inputs.safetensors")
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, out / "expected.safetensors")
    (out / "case.json").write_text(json.dumps({"kind": "decoder", "precision": "fp32", "targets": targets}) + "\n")


if __name__ == "__main__":
    for case in sys.argv[2:] or CASES:
        write(Path(sys.argv[1]), case)
        print(case, flush=True)
