"""What PEFT targets with a configuration, with which rank and alpha, and what it warns of: fixtures/targets.json.

usage: python make-targets.py > fixtures/targets.json
"""
import json
import re
import sys
import warnings

import peft
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import Linear as LoraLinear
from transformers import BertConfig, BertForSequenceClassification

CONFIGS = [
    dict(target_modules=["query", "value"]),
    dict(target_modules=["query", "value"], rank_pattern={"querry": 16}),
    dict(target_modules=["query", "value"], alpha_pattern={"querry": 16, "value": 3}),
    dict(target_modules=["query", "valeu"]),
    dict(target_modules=["query", "value"], exclude_modules=["layer.7.query"]),
    dict(target_modules=["query", "value"], exclude_modules=["LayerNorm"]),
    dict(target_modules=["query", "value"], exclude_modules=r".*layer\.0.*"),
    dict(target_modules=["query", "value"], exclude_modules=r"layer\.0.*"),
    dict(target_modules=["query", "value"], modules_to_save=["clasifier"]),
    dict(target_modules=["query", "value", "dense"], modules_to_save=["pooler"]),
    dict(target_modules=["query", "value", "dense"], modules_to_save=["out.ut"]),
    dict(target_modules=["query", "value"], layers_to_transform=[0, 7]),
    dict(target_modules=["query", "value"], layers_to_transform=[]),
    dict(target_modules=["query", "value"], layers_to_transform=1, layers_pattern="layer"),
    dict(target_modules=["query", "value"], layers_to_transform=[1], layers_pattern=["h", "lay.r"]),
    dict(target_modules=["query", "bert.encoder.layer.0.output.dense"], layers_to_transform=[1]),
    dict(target_modules="(?i).*QUERY"),
    dict(target_modules=r".*\.layer\.(?P<n>\d)\..*(query|key)", rank_pattern={"key": 2, r"layer\.0.*": 5}, alpha_pattern={"query|key": 7}),
    dict(target_modules=r"\Abert.*value\Z"),
    dict(target_modules=r"(?x) .* \. value  # the values"),
    dict(target_modules=r".*?(?:query|value)++", rank_pattern={r"(?i:QUERY)": 6, r"attention.self.value": 4}),
    dict(target_modules=["query", "key"], rank_pattern={r"1\.attention\.self\.query": 3, "query": 9, r"(?P<q>k)ey": 11}, alpha_pattern={r"^bert.*key": 5}),
    dict(target_modules=["query"], rank_pattern={"uery": 3}),
    dict(target_modules="query"),
    dict(target_modules=["(query"]),
    dict(target_modules=".*(query"),
    dict(target_modules=["query"], rank_pattern={"(?i)QUERY": 3}),
    dict(target_modules=".*query", layers_to_transform=[0]),
    dict(target_modules=["query"], layers_pattern="layer"),
    dict(target_modules="All-Linear", task_type="SEQ_CLS"),
    dict(target_modules=["query"], task_type="SEQ_CLS", modules_to_save=["LayerNorm", "layernorm"]),
]


def model():
    sizes = dict(hidden_size=4, num_attention_heads=1, intermediate_size=4, vocab_size=5, max_position_embeddings=4)
    return BertForSequenceClassification(BertConfig(num_hidden_layers=2, **sizes))


def outcome(config):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            adapted = get_peft_model(model(), LoraConfig(**config))
        except (ValueError, re.error, peft.tuners.tuners_utils.NoMatchingPeftModuleError) as error:
            return {"error": type(error).__name__}
    fields = ["rank_pattern", "alpha_pattern", "exclude_modules", "target_modules"]
    said = [str(one.message) for one in caught]
    layers = {name: module for name, module in adapted.base_model.model.named_modules() if isinstance(module, LoraLinear)}
    return {
        "targets": {name: [layer.r["default"], layer.lora_alpha["default"]] for name, layer in layers.items()},
        "warned": [field for field in fields if any(re.search(rf"(?<!\w){field}(=| keys)", text) for text in said)],
    }


modules = [name for name, _ in model().named_modules() if name]
linear = [name for name, module in model().named_modules() if isinstance(module, torch.nn.Linear)]
cases = [{"config": config, **outcome(config)} for config in CONFIGS]
print(json.dumps({"peft": peft.__version__, "python": sys.version.split()[0], "modules": modules, "linear": linear, "cases": cases}))
