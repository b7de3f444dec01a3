"""Tokenizers with `add_bos_token`, as transformers makes them of a tokenizer.json: their tokens of a text and of a pair.

Needs transformers and tokenizers. Run in this folder: python make-start-tokens.py
"""

import json
import tempfile
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import ByteLevel, Sequence, TemplateProcessing
from transformers import AutoTokenizer

vocab = {word: i for i, word in enumerate(["<unk>", "<s>", "</s>", "<start>", "the", "girl", "laughs"])}


def ending(token):
    return TemplateProcessing(single=f"$A {token}", special_tokens=[(token, vocab[token])])


def llama():
    return TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", vocab["<s>"])])


cases = {
    "without a post-processor": (None, {"bos_token": "<s>"}, {}),
    "of bytes, as GPT-2's and Qwen2's": (ByteLevel(trim_offsets=False), {"bos_token": "<s>"}, {}),
    "without a start token in its configuration": (None, {}, {"bos_token": "<start>"}),
    "with another start token in its configuration": (None, {"bos_token": "<s>"}, {"bos_token": "<start>"}),
    "with a start token as an object": (None, {"bos_token": {"content": "<s>", "__type": "AddedToken"}}, {}),
    "with an end token": (ending("</s>"), {"bos_token": "<s>", "eos_token": "</s>", "add_eos_token": True}, {}),
    "that has it, as Llama's": (llama(), {"bos_token": "<s>"}, {}),
    "that has it in a sequence, as Llama 3's": (Sequence([ByteLevel(), llama()]), {"bos_token": "<s>"}, {}),
}


def case(post_processor, config, options):
    tokenizer = Tokenizer(WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens([word for word in vocab if word.startswith("<")])
    if post_processor:
        tokenizer.post_processor = post_processor
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", **config}
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(str(Path(folder) / "tokenizer.json"))
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        started = AutoTokenizer.from_pretrained(
            folder, add_bos_token=True, add_eos_token=config.get("add_eos_token", False), **options
        )
        return {
            "tokenizer.json": json.loads((Path(folder) / "tokenizer.json").read_text()),
            "tokenizer_config.json": config,
            "options": options,
            "single": started("the girl laughs").input_ids,
            "pair": started("the girl", "laughs").input_ids,
        }


Path("fixtures/start-tokens.json").write_text(json.dumps({name: case(*parts) for name, parts in cases.items()}) + "\n")
