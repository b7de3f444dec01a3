"""Makes fixtures/heads: tiny random encoders, exported as Optimum does, with adapters that PEFT trained of transformers' classes for them, and what PyTorch computes:
logits, merged logits, loss and every gradient. Then types.json: the layers of these classes' heads by model type, held against each class.
usage: make-heads.py [KIND ... | types]    (pip install torch transformers peft onnx onnxscript safetensors)"""
import copy, json, os, shutil, sys, warnings
import onnx, torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification, PreTrainedTokenizerFast
from transformers.activations import ACT2FN
warnings.filterwarnings('ignore')
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'heads'); os.makedirs(out, exist_ok=True)

vocab = {token: i for i, token in enumerate(['<s>', '<pad>', '</s>', '<unk>', 'the', 'a', 'cat', 'cats', 'dog', 'dogs', 'girl', 'girls', 'sleep', 'sleeps', 'laugh', 'laughs'])}
t = Tokenizer(models.WordLevel(vocab, unk_token='<unk>')); t.pre_tokenizer = pre_tokenizers.Whitespace()
t.post_processor = processors.TemplateProcessing(single='<s> $A </s>', pair='<s> $A </s> $B </s>', special_tokens=[('<s>', 0), ('</s>', 2)])
fast = PreTrainedTokenizerFast(tokenizer_object=t, pad_token='<pad>')
texts = ['the cats sleep', 'a girl laughs', 'the dog sleeps the cat', 'girls']
batch = fast(texts, padding=True, return_tensors='pt'); ids, mask = batch['input_ids'], batch['attention_mask']

width = dict(vocab_size=len(vocab), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=16, pad_token_id=1)
names = {0: 'low', 1: 'middle', 2: 'high'}
# configuration, what is exported, LoraConfig, further fields of the base's config.json
kinds = {
    'roberta': (width, 'bare', dict(target_modules=['query', 'value']), dict(id2label=names)),
    # its list of all linear layers names those of the head, which PEFT saves
    'electra': ({**width, 'embedding_size': 8}, 'bare', dict(target_modules='all-linear'), dict(problem_type='multi_label_classification', label2id={v: k for k, v in names.items()})),
    'mpnet': (width, 'bare', dict(target_modules=['q', 'v']), {}),
    'distilbert': (dict(vocab_size=len(vocab), dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=16, pad_token_id=1), 'bare', dict(target_modules=['q_lin', 'v_lin']), dict(num_labels=1)),
    # LoRA on the pooler too
    'bert': (width, 'pooler', dict(target_modules='all-linear'), dict(id2label={0: 'LABEL_0', 1: 'LABEL_1'})),
    'albert': ({**width, 'embedding_size': 8}, 'whole', dict(target_modules=['query', 'value']), {}),
    'deberta-v2': ({**width, 'num_hidden_layers': 1, 'relative_attention': True, 'position_buckets': 4, 'pos_att_type': ['p2c', 'c2p'], 'type_vocab_size': 0, 'norm_rel_ebd': 'layer_norm', 'share_att_key': True}, 'whole', dict(target_modules=['query_proj', 'value_proj']), {}),
    'modernbert': ({**width, 'global_attn_every_n_layers': 2, 'local_attention': 4, 'bos_token_id': 0, 'cls_token_id': 0, 'eos_token_id': 2, 'sep_token_id': 2, 'classifier_pooling': 'mean'}, 'bare', dict(target_modules=['Wqkv'], modules_to_save=['head']), dict(classifier_pooling='mean')),
    'eurobert': ({**width, 'bos_token_id': 0, 'eos_token_id': 2, 'classifier_pooling': 'late'}, 'bare', dict(target_modules=['q_proj', 'v_proj'], modules_to_save=['dense']), {}),
}
inputs = {kind: ['input_ids', 'attention_mask'] + (['token_type_ids'] if kind in ('bert', 'electra', 'albert') else []) for kind in kinds}

class Exported(torch.nn.Module):
    def __init__(self, model, form):
        super().__init__(); self.form = form; self.model = model if form == 'whole' else model.base_model
    def forward(self, *values):
        result = self.model(**dict(zip(self.names, values)))
        return (result[0], result[1]) if self.form == 'pooler' else result[0]

def export(model, kind, form, path):
    module = Exported(model, form).eval(); module.names = inputs[kind]
    given = {'input_ids': ids, 'attention_mask': mask, 'token_type_ids': torch.zeros_like(ids)}
    outputs = {'whole': ['logits'], 'bare': ['last_hidden_state'], 'pooler': ['last_hidden_state', 'pooler_output']}[form]
    axes = {key: {0: 'batch', 1: 'sequence'} for key in [*inputs[kind], 'last_hidden_state']}
    torch.onnx.export(module, tuple(given[key] for key in inputs[kind]), path, input_names=inputs[kind], output_names=outputs, dynamic_axes=axes, dynamo=False, opset_version=17)
    exported = onnx.load(path)
    for node in exported.graph.node:  # what the tests do not need
        del node.metadata_props[:]; node.ClearField('doc_string')
    del exported.graph.value_info[:]
    onnx.save(exported, path)

def adapt(model, task_type, fields, labels, folder, name):
    """An adapter after some steps of training, and what PyTorch computes with it."""
    torch.manual_seed(4)
    peft = get_peft_model(copy.deepcopy(model), LoraConfig(task_type=task_type, r=2, lora_alpha=4, init_lora_weights=False, **copy.deepcopy(fields)))
    peft.config.problem_type = 'regression' if labels.shape[-1:] == (1,) else 'multi_label_classification' if labels.is_floating_point() else 'single_label_classification'
    trained = [p for p in peft.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    def loss(): return peft(input_ids=ids, attention_mask=mask, labels=labels)
    for _ in range(8): optimizer.zero_grad(); loss().loss.backward(); optimizer.step()
    peft.save_pretrained(f'{folder}/{name}'); os.remove(f'{folder}/{name}/README.md')
    path = f'{folder}/{name}/adapter_config.json'
    config = {**json.load(open(path)), 'base_model_name_or_path': 'base'}
    if isinstance(config['target_modules'], list): config['target_modules'].sort()
    json.dump(config, open(path, 'w'), indent=2)
    optimizer.zero_grad(); result = loss(); result.loss.backward()
    grads = {'grad.' + n.replace('.default', '').replace('modules_to_save.', ''): p.grad.contiguous() for n, p in peft.named_parameters() if p.requires_grad}
    expected = {'labels': labels, 'logits': result.logits.detach().clone(), 'loss': result.loss.detach(), **grads}
    expected['merged'] = peft.merge_and_unload()(input_ids=ids, attention_mask=mask).logits.detach().clone()
    save_file(expected, f'{folder}/{name}/expected.safetensors')
    print(folder.split('/')[-1], name, expected['logits'].flatten().tolist()[:6], sorted(k for k in load_file(f'{folder}/{name}/adapter_model.safetensors') if 'layer' not in k))

t.save(f'{out}/tokenizer.json')
json.dump({'pad_token': '<pad>'}, open(f'{out}/tokenizer_config.json', 'w'))
json.dump({'texts': texts, 'input_ids': ids.tolist()}, open(f'{out}/texts.json', 'w'))
for kind in [kind for kind in sys.argv[1:] or kinds if kind in kinds]:
    sizes, form, fields, further = kinds[kind]
    torch.manual_seed(3)
    folder = f'{out}/{kind}'; shutil.rmtree(folder, ignore_errors=True); os.makedirs(folder)
    count = further.get('num_labels') or len(further.get('id2label') or names)
    config = AutoConfig.for_model(kind, **sizes, num_labels=count)
    for dropout in [key for key in config.to_dict() if 'drop' in key and isinstance(getattr(config, key), float)]: setattr(config, dropout, 0.0)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation='eager')
    with torch.no_grad():
        for p in model.parameters(): p.add_(0.2 * torch.randn_like(p))
    model.eval(); export(model, kind, form, f'{folder}/model.onnx')
    base = {'model_type': kind, 'architectures': [type(model if form == 'whole' else model.base_model).__name__], 'max_position_embeddings': 16, 'pad_token_id': 1, **further}
    json.dump(base, open(f'{folder}/config.json', 'w'))
    labels = torch.tensor([0.5, -1.0, 2.0, 0.0])[:, None] if count == 1 else torch.tensor([[1.0, 0, 1], [0, 0, 1], [0, 1, 0], [1, 1, 0]]) if 'problem_type' in further else torch.tensor([0, 1, count - 1, 1])
    adapt(model, 'SEQ_CLS', fields, labels, folder, 'adapter')
    if kind == 'modernbert':
        tagger = AutoModelForTokenClassification.from_config(copy.deepcopy(config), attn_implementation='eager').eval()
        tagger.model.load_state_dict(model.model.state_dict())
        adapt(tagger, 'TOKEN_CLS', fields, torch.where(mask.bool(), ids % count, -100), folder, 'adapter-tokens')
if sys.argv[1:] and 'types' not in sys.argv: sys.exit()

# [module, activation or the field of config.json that names it, normalization]; * is the base model's attribute
dense, pooler = 'classifier.dense', '*.pooler.dense'
rows = {
    **{kind: [dense, 'tanh'] for kind in ['roberta', 'xlm-roberta', 'camembert', 'xlm-roberta-xl', 'xmod', 'data2vec-text', 'roberta-prelayernorm', 'ibert', 'esm', 'esmc', 'jina_embeddings_v3', 'mpnet']},
    'electra': [dense, 'gelu'], **{kind: [dense, 'hidden_act'] for kind in ['big_bird', 'convbert', 'nystromformer', 'roformer', 'yoso', 'mra']},
    'distilbert': ['pre_classifier', 'relu'],
    **{kind: [pooler, 'tanh'] for kind in ['bert', 'megatron-bert', 'mobilebert', 'rembert', 'roc_bert', 'ernie', 'fnet', 'layoutlm', 'luke', 'nomic_bert', 'squeezebert', 'gte']}, 'albert': ['*.pooler', 'tanh'],
    **{kind: ['pooler.dense', 'pooler_hidden_act'] for kind in ['deberta', 'deberta-v2']}, 'modernbert': ['head.dense', 'classifier_activation', 'head.norm'], 'eurobert': ['dense', 'gelu'],
}
further = {'mobilebert': dict(embedding_size=16, intra_bottleneck_size=16, true_hidden_size=16), 'convbert': dict(embedding_size=16, conv_kernel_size=3), 'rembert': dict(input_embedding_size=8, output_embedding_size=8),
           'squeezebert': dict(embedding_size=16), 'luke': dict(entity_vocab_size=5, entity_emb_size=16), 'nystromformer': dict(num_landmarks=4, segment_means_seq_len=4), 'xmod': dict(languages=['en'], default_language='en'),
           'roc_bert': dict(pronunciation_vocab_size=5, shape_vocab_size=5, shape_embed_dim=8, pronunciation_embed_dim=8)}
found = {}
for kind, (module, activation, *norm) in rows.items():
    torch.manual_seed(0)
    sizes = kinds[kind][0] if kind in ('distilbert', 'albert', 'modernbert') else {**width, **further.get(kind, {})}
    config = AutoConfig.for_model(kind, **{**sizes, 'vocab_size': 40, 'max_position_embeddings': 24}, num_labels=3); config.classifier_pooling = 'bos' if kind == 'eurobert' else 'cls'
    model = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for p in model.parameters(): p.add_(0.1 * torch.randn_like(p))
        tokens = dict(input_ids=torch.randint(3, 40, (2, 8)), attention_mask=torch.ones(2, 8, dtype=torch.long))
        logits, states = model(**tokens)[0], model.base_model(**tokens)[0][:, 0]
    modules = dict(model.named_modules())
    module, activation = module.replace('*', model.base_model_prefix), getattr(config, activation, activation)
    output = 'classifier.out_proj' if 'classifier.out_proj' in modules else 'classifier'
    with torch.no_grad():
        x = ACT2FN[activation](modules[module](states))
        for name in norm: x = modules[name](x)
        assert torch.allclose(modules[output](x), logits, atol=1e-6), kind
    found[kind] = {'module': module, 'activation': activation, **({'norm': norm[0]} if norm else {}), 'name': output}
json.dump(found, open(f'{out}/types.json', 'w'), indent=1)
