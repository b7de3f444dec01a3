"""Makes fixtures/decoder-types.json: the class of each of transformers' causal language models by its model_type, and whether it ties the word embeddings where
its configuration does not say so.
usage: make-decoder-types.py    (pip install torch transformers; checked with transformers 5.24)"""
import json, os
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
types = {}
for model_type, architecture in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items()):
    try: tied = getattr(AutoConfig.for_model(model_type), 'tie_word_embeddings', None)
    except Exception: continue
    if tied is not None: types[model_type] = {'architecture': architecture, 'tied': tied}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'decoder-types.json')
with open(path, 'w') as file:
    file.write('{\n' + ',\n'.join(f'  {json.dumps(key)}: {json.dumps(value)}' for key, value in types.items()) + '\n}\n')
