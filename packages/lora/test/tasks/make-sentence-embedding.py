"""Embeddings by sentence-transformers' Pooling and Normalize of the hidden states in fixtures/exports, which PyTorch and
PEFT computed: python make-sentence-embedding.py > ../fixtures/sentence-embedding.json"""
import json
import pathlib
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

modes = {'first': 'cls', 'mean': 'mean', 'last': 'lasttoken'}
exports = pathlib.Path(__file__).parent.parent / 'fixtures' / 'exports'
result = {}
for name, key in [('bert-bare-torchscript', 'hidden'), ('bert-bare-torchscript', 'adapted'), ('roberta-seq-dynamo', 'hidden'),
                  ('gpt2-lm-dynamo', 'hidden'), ('llama-lm-torchscript', 'hidden')]:
    tensors = load_file(exports / name / 'expected.safetensors')
    tokens = {'token_embeddings': tensors[key], 'attention_mask': tensors['attention_mask']}
    result[f'{name} {key}'] = {pooling: Normalize()(Pooling(8, mode)(dict(tokens)))['sentence_embedding'].flatten().tolist()
                               for pooling, mode in modes.items()}
print(json.dumps(result))
