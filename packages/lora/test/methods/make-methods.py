"""Makes fixtures/methods: tiny exported models with adapters of PEFT that are not LoRA, and what PEFT computes with each: logits, loss, the gradient of every
trained parameter, logits and parameters after merging.
usage: make-methods.py    (pip install torch transformers peft onnx safetensors)"""
import copy, json, os, shutil, warnings
import torch
from peft import IA3Config, PeftModel, VeraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
warnings.filterwarnings('ignore')
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fixtures', 'methods')
common = dict(vocab_size=31, num_labels=3, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=16, pad_token_id=0)
encoder = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
models = {
    # architecture: further configuration, adapters
    'bert': (encoder, {
        'ia3': IA3Config(task_type='SEQ_CLS'),
        'vera': VeraConfig(task_type='SEQ_CLS', r=5, target_modules=['query', 'value', 'intermediate.dense', 'output.dense'], bias='vera_only'),
    }),
    'llama': (dict(num_key_value_heads=1, bos_token_id=1, eos_token_id=2), {
        'ia3': IA3Config(task_type='SEQ_CLS', modules_to_save=['norm']),
        'vera': VeraConfig(task_type='SEQ_CLS', r=5, target_modules='all-linear', save_projection=False, projection_prng_key=11),
    }),
    # Its layers are one layer, computed twice.
    'albert': (dict(embedding_size=8, **encoder), {
        'ia3': IA3Config(task_type='SEQ_CLS', target_modules=['query', 'ffn', 'ffn_output'], feedforward_modules=['ffn_output']),
        'vera': VeraConfig(task_type='SEQ_CLS', r=5, target_modules=['key', 'ffn_output']),
    }),
}
class Base(torch.nn.Module):
    def __init__(self, model, attribute):
        super().__init__(); self.attribute = attribute; setattr(self, attribute, model)
    def forward(self, input_ids, attention_mask):
        return getattr(self, self.attribute)(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
shutil.rmtree(out, ignore_errors=True)
for architecture, (further, adapters) in models.items():
    torch.manual_seed(5)
    folder = f'{out}/{architecture}'; os.makedirs(folder)
    attribute = 'model' if architecture == 'llama' else architecture
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(architecture, **common, **further), attn_implementation='eager').eval()
    with torch.no_grad():
        for p in model.parameters(): p.add_(0.2 * torch.randn_like(p))
    ids = torch.randint(3, 31, (4, 6)); lengths = torch.tensor([6, 3, 5, 2]); mask = (torch.arange(6)[None] < lengths[:, None]).long(); ids = ids * mask
    labels = torch.tensor([1, 0, 2, 1])
    axes = {'input_ids': {0: 'batch', 1: 'sequence'}, 'attention_mask': {0: 'batch', 1: 'sequence'}}
    torch.onnx.export(Base(getattr(model, attribute), attribute).eval(), (ids, mask), f'{folder}/model.onnx', input_names=list(axes), output_names=['last_hidden_state'], dynamic_axes=axes, dynamo=False, opset_version=17)
    json.dump({'model_type': architecture, 'pad_token_id': 0, 'max_position_embeddings': 16}, open(f'{folder}/config.json', 'w'))
    def forward(m):
        if architecture == 'llama': return m(input_ids=ids, attention_mask=mask).logits
        # read at the first token, without the pooler, as a head on hidden states does
        inner = m.base_model.model if isinstance(m, PeftModel) else m
        return inner.classifier(getattr(inner, attribute)(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0])
    expected = dict(input_ids=ids, attention_mask=mask, labels=labels)
    for name, config in adapters.items():
        torch.manual_seed(3)
        adapted = get_peft_model(copy.deepcopy(model), config).eval()
        with torch.no_grad():
            for p in adapted.parameters():
                if p.requires_grad: p.add_(0.2 * torch.randn_like(p))
        adapted.save_pretrained(f'{folder}/{name}'); os.remove(f'{folder}/{name}/README.md')
        logits = forward(adapted); loss = torch.nn.functional.cross_entropy(logits, labels); loss.backward()
        plain = lambda n: n.replace('.default', '').replace('.modules_to_save', '').replace('.base_layer', '')
        # The pooler takes no part.
        own = {f'grad.{plain(n)}': p.grad.contiguous() for n, p in adapted.named_parameters() if p.requires_grad and p.grad is not None}
        merged = adapted.merge_and_unload()
        own.update({f'weight.{n}': p.detach().contiguous() for n, p in merged.named_parameters() if not torch.equal(p, model.get_parameter(n)) and 'pooler' not in n})
        own.update(logits=logits.detach(), loss=loss.detach(), merged=forward(merged).detach())
        expected.update({f'{name}.{key}': value for key, value in own.items()})
        print(architecture, name, float((logits - forward(model)).abs().max()), float((logits - own['merged']).abs().max()), len(own), flush=True)
    save_file(expected, f'{folder}/expected.safetensors')
