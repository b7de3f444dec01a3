"""Makes fixtures/combine.safetensors: two adapters, and what PEFT's add_weighted_adapter makes of them.
usage: make-combine.py    (pip install torch transformers peft safetensors)"""
import os, torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
torch.manual_seed(5)
class Base(torch.nn.Module):
    def __init__(self):
        super().__init__(); self.first = torch.nn.Linear(6, 5); self.second = torch.nn.Linear(5, 4)
    def forward(self, x): return self.second(torch.tanh(self.first(x)))
config = lambda: LoraConfig(r=3, lora_alpha=6, target_modules=['first', 'second'])
model = get_peft_model(Base(), config(), adapter_name='a'); model.add_adapter('b', config())
with torch.no_grad():
    for n, p in model.named_parameters():
        if 'lora_' in n: p.copy_(torch.randn_like(p))
variants = {'linear': {}, 'cat': {}, 'svd': dict(svd_rank=2), 'ties': dict(density=0.6), 'ties_frequency': dict(density=0.6, majority_sign_method='frequency'), 'magnitude_prune': dict(density=0.5)}
for name, options in variants.items():
    model.add_weighted_adapter(['a', 'b'], [0.7, -0.4], name, combination_type=name.replace('_frequency', ''), **options)
tensors = {}
for n, p in model.named_parameters():
    for adapter in ('a', 'b', *variants):
        if f'.{adapter}.' in n and 'lora_' in n: tensors[f"{adapter}:{n.replace(f'.{adapter}.', '.')}"] = p.detach().contiguous()
save_file(tensors, os.path.join(os.path.dirname(__file__), 'fixtures', 'combine.safetensors'))
