"""Frequencies of rotary positions by transformers' ROPE_INIT_FUNCTIONS: python make-rotary.py > rotary.json"""

import json

from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

SIZE = 16
MODEL = {"hidden_size": 2 * SIZE, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 256}
KINDS = {
    "default": {},
    "linear": {"factor": 4.0},
    "llama3": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "yarn": {"factor": 2.0, "original_max_position_embeddings": 64},
}


def frequencies(kind: str, theta: float) -> list[float]:
    config = LlamaConfig(**MODEL, rope_parameters={"rope_type": kind, "rope_theta": theta, **KINDS[kind]})
    if kind == "default":
        return [theta ** (-2 * i / SIZE) for i in range(SIZE // 2)]
    return ROPE_INIT_FUNCTIONS[kind](config, "cpu")[0].tolist()


def case(kind: str, theta: float) -> dict:
    scaling = None if kind == "default" else {"rope_type": kind, **KINDS[kind]}
    config = {"model_type": "llama", **MODEL, "rope_theta": theta, "rope_scaling": scaling}
    return {"config": config, "inv_freq": frequencies(kind, theta)}


print(json.dumps({f"{kind} {theta:g}": case(kind, theta) for kind in KINDS for theta in (1e4, 5e5)}, indent=2))
