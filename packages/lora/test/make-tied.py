"""Makes fixtures/tied.json: whether transformers ties the word embeddings of a causal language model whose configuration does not say so, by its model_type.
usage: make-tied.py    (pip install torch transformers; checked with transformers 5.24)"""
import json, os
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
tied = {}
for model_type in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
    try: value = getattr(AutoConfig.for_model(model_type), 'tie_word_embeddings', None)
    except Exception: continue
    if value is not None: tied[model_type] = value
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'tied.json')
json.dump(tied, open(path, 'w'), indent=0)
