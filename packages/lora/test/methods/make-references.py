"""Makes fixtures/methods.json: PEFT's default modules by model type, and numbers of PyTorch's generator as VeRA draws them.
usage: make-references.py    (pip install torch transformers peft)"""
import json, os, torch
from peft.utils import constants
from peft.tuners.vera.model import _kaiming_init
def drawn(seed, *shapes):
    generator = torch.Generator(device='cpu').manual_seed(seed)
    matrices = [_kaiming_init(shape, generator=generator).flatten() for shape in shapes]
    # the first numbers of each, those around the generator's next 624, and the sum as float64
    return [{'rows': shape[0], 'columns': shape[1], 'first': m[:4].tolist(), 'around': m[620:628].tolist(), 'last': m[-4:].tolist(), 'sum': float(m.double().sum())} for shape, m in zip(shapes, matrices)]
assert torch.backends.cpu.get_cpu_capability() != 'DEFAULT', 'a processor without fused multiply-add rounds otherwise'
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fixtures', 'methods.json')
json.dump({
    'VERA': {'target_modules': constants.TRANSFORMERS_MODELS_TO_VERA_TARGET_MODULES_MAPPING},
    'LORA': {'target_modules': constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING},
    'IA3': {'target_modules': constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING, 'feedforward_modules': constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING},
    'drawn': {str(seed): drawn(seed, (5, 160), (300, 5)) for seed in (0, 7, 123456789, 2**32 + 5)},
}, open(out, 'w'), separators=(',', ':'))
