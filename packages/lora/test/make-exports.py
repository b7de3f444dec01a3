"""Makes fixtures/exports: tiny random models with their heads, exported as Optimum and PyTorch do, PEFT's adapters for them, and the numbers that PEFT computes.
usage: make-exports.py OUT_FOLDER [NAME ...]    (pip install torch transformers peft onnx onnxscript safetensors)"""
import copy, json, os, sys, torch, warnings
import onnx
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoModelForTokenClassification
warnings.filterwarnings('ignore')
bert = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, max_position_embeddings=12)
llama = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, intermediate_size=12, max_position_embeddings=12)
types = {
    'bert': bert,
    # Its adapter has biases of its own (lora_bias), one of them at a layer whose bias of zeros the exporter drops.
    'bert-biases': bert,
    'roberta': {**bert, 'pad_token_id': 1},
    'distilbert': dict(dim=8, n_layers=1, n_heads=2, hidden_dim=12, max_position_embeddings=12),
    'albert': {**bert, 'num_hidden_layers': 2, 'embedding_size': 4},
    # The newer exporter folds a copy for each call of a matrix of more than 1024 elements.
    'albert-wide': {**bert, 'num_hidden_layers': 2, 'embedding_size': 4, 'intermediate_size': 132},
    'gpt2': dict(n_embd=8, n_layer=1, n_head=2, n_positions=12),
    'llama': llama,
}
tasks = {
    'seq': (AutoModelForSequenceClassification, 'SEQ_CLS'), 'tok': (AutoModelForTokenClassification, 'TOKEN_CLS'), 'qa': (AutoModelForQuestionAnswering, 'QUESTION_ANS'),
    'mlm': (AutoModelForMaskedLM, None), 'lm': (AutoModelForCausalLM, 'CAUSAL_LM'), 'bare': (AutoModel, 'FEATURE_EXTRACTION'),
}
targets = {'distilbert': ['q_lin', 'v_lin'], 'albert': ['query', 'value'], 'albert-wide': ['query', 'ffn', 'ffn_output'], 'bert-biases': ['query', 'pooler.dense']}
# type, task, exporter, attribute of a wrapper around the model, whether parameters are as initialized (equal ones, which the exporters merge), 'zeros': the head too,
# whose bias of zeros the newer exporter drops, while PEFT's adapter holds it
fixtures = [
    ('bert', 'seq', 'torchscript', None, False), ('bert', 'mlm', 'dynamo', None, False), ('bert', 'bare', 'torchscript', 'auto_model', False),
    ('bert', 'seq', 'dynamo', None, 'zeros'), ('bert-biases', 'seq', 'dynamo', None, 'zeros'), ('roberta', 'seq', 'dynamo', 'model', True), ('roberta', 'tok', 'torchscript', None, True), ('distilbert', 'seq', 'torchscript', None, True),
    ('albert', 'seq', 'torchscript', None, False), ('albert-wide', 'seq', 'dynamo', None, False), ('gpt2', 'lm', 'dynamo', None, False), ('llama', 'lm', 'torchscript', 'model', False), ('llama', 'qa', 'torchscript', None, False),
]
out, only = sys.argv[1], sys.argv[2:]
class Wrapper(torch.nn.Module):
    def __init__(self, attribute, model):
        super().__init__(); self.attribute = attribute; setattr(self, attribute, model)
    def forward(self, input_ids, attention_mask):
        return getattr(self, self.attribute)(input_ids=input_ids, attention_mask=attention_mask)[0]
for model_type, task, exporter, attribute, fresh in fixtures:
    name = f'{model_type}-{task}-{exporter}'
    if only and name not in only: continue
    torch.manual_seed(3)
    Auto, task_type = tasks[task]
    settings, model_type = model_type, model_type.removesuffix('-wide').removesuffix('-biases')
    config = AutoConfig.for_model(model_type, **{'vocab_size': 24, 'pad_token_id': 0, **types[settings], **({'num_labels': 3} if task in ('seq', 'tok') else {})})
    for dropout in [key for key in config.to_dict() if 'drop' in key and isinstance(getattr(config, key), float)]: setattr(config, dropout, 0.0)
    config.use_cache = False
    model = Auto.from_config(config, attn_implementation='eager').eval()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if not fresh or fresh != 'zeros' and 'classifier' in n: p.add_(0.05 * torch.randn_like(p))
    ids = torch.randint(3, 24, (3, 7)); lengths = torch.tensor([7, 4, 5]); mask = (torch.arange(7)[None] < lengths[:, None]).long()
    ids = torch.where(mask.bool(), ids, config.pad_token_id)
    folder = f'{out}/{name}'; os.makedirs(folder, exist_ok=True)
    inputs = {'input_ids': ids, 'attention_mask': mask}
    whole = Wrapper(attribute, model) if attribute else model
    names = ['start_logits', 'end_logits'] if task == 'qa' else ['last_hidden_state'] if task == 'bare' else ['logits']
    path = f'{folder}/model.onnx'
    if exporter == 'dynamo':
        dynamic = {key: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for key in inputs}
        torch.onnx.export(whole, (), path, kwargs=inputs, input_names=list(inputs), output_names=names, dynamic_shapes=dynamic, dynamo=True, external_data=False, verbose=False)
    else:
        axes = {key: {0: 'batch', 1: 'sequence'} for key in inputs}
        args = (ids, mask) if attribute else (ids, {'attention_mask': mask})
        torch.onnx.export(whole, args, path, input_names=list(inputs), output_names=names, dynamic_axes=axes, dynamo=False, opset_version=17)
    exported = onnx.load(path)
    for node in exported.graph.node:  # what the tests do not need
        for prop in [prop for prop in node.metadata_props if not prop.key.endswith('name_scopes')]: node.metadata_props.remove(prop)
        if 'doc_string' in node.DESCRIPTOR.fields_by_name: node.ClearField('doc_string')
    del exported.graph.value_info[:]
    onnx.save(exported, path)
    with torch.no_grad():
        logits = model(**inputs)[0].clone(); hidden = model.base_model(**inputs)[0].clone()
    biases = {'lora_bias': True} if settings == 'bert-biases' else {'bias': 'all' if fresh == 'zeros' else 'none'}
    peft = get_peft_model(copy.deepcopy(model), LoraConfig(task_type=task_type, r=2, lora_alpha=4, target_modules=targets.get(settings), **biases)).eval()
    with torch.no_grad():
        for p in peft.parameters():
            if p.requires_grad: p.add_(0.2 * torch.randn_like(p))
        adapted = peft(**inputs)[0]
    peft.save_pretrained(f'{folder}/adapter'); os.remove(f'{folder}/adapter/README.md')
    linear = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) or type(m).__name__ == 'Conv1D']
    with open(f'{folder}/config.json', 'w') as file: json.dump({'model_type': model_type, 'architectures': [type(model).__name__], 'linear': sorted(linear)}, file)
    save_file({**inputs, 'logits': logits.contiguous(), 'hidden': hidden.contiguous(), 'adapted': adapted.contiguous()}, f'{folder}/expected.safetensors')
    print(name, flush=True)
