"""Makes fixtures/decoder-forms: one tiny Llama in the forms in which Optimum has exported decoders, and its logits and greedy tokens by transformers.
usage: make-decoder-forms.py OUT_FOLDER    (pip install torch transformers onnx optimum-onnx safetensors)
Checked with torch 2.15, transformers 5.24, optimum-onnx 0.1.0."""
import json, sys, tempfile, warnings
from pathlib import Path
import onnx, torch
from optimum.onnx import merge_decoders
from safetensors.torch import save_file
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM
warnings.filterwarnings('ignore')
config = LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=32, pad_token_id=0, bos_token_id=1, eos_token_id=2, attn_implementation='eager')
torch.manual_seed(0)
model = LlamaForCausalLM(config).eval()
for p in model.parameters(): torch.nn.init.normal_(p, mean=0.5 * float(p.dim() == 1), std=0.4)

class Form(torch.nn.Module):
    """A decoder with a cache, or without one, whose logits may be those of the last tokens. `given`: the cache is made from the past and the mask by transformers, so that TorchScript writes a Concat of the past alone."""
    def __init__(self, cached, keeps, given): super().__init__(); self.model, self.cached, self.keeps, self.given = model, cached, keeps, given
    def forward(self, input_ids, attention_mask, position_ids, *rest):
        cache = DynamicCache([rest[-2:]]) if self.given else DynamicCache()
        if self.cached and not self.given: cache.update(rest[-2], rest[-1], 0)
        before, new, total = rest[-1].shape[2] if self.cached else 0, input_ids.shape[1], attention_mask.shape[1]
        seen = torch.arange(total)[None, :] <= (torch.arange(new) + before)[:, None]
        bias = torch.where(seen[None, None] & (attention_mask[:, None, None, :] == 1), 0.0, torch.finfo(torch.float32).min)
        hidden = self.model.model(input_ids=input_ids, attention_mask=attention_mask if self.given else bias, position_ids=position_ids, past_key_values=cache, use_cache=True).last_hidden_state
        # As transformers 4.45 to 4.48 have it: -0 asks for all.
        if self.keeps: hidden = hidden[:, -rest[0]:, :]
        return self.model.lm_head(hidden), cache.layers[0].keys, cache.layers[0].values

def export(path, cached, keeps=False, given=False):
    ids = torch.randint(3, 40, (2, 5)); past = [torch.randn(2, 1, 3, 8) for _ in range(2)] if cached else []
    length = 8 if cached else 5
    args = (ids, torch.ones(2, length, dtype=torch.int64), torch.arange(length - 5, length)[None].repeat(2, 1), *([torch.tensor(2)] if keeps else []), *past)
    pasts = [f'past_key_values.0.{kind}' for kind in ('key', 'value')] if cached else []; presents = ['present.0.key', 'present.0.value']
    names = ['input_ids', 'attention_mask', 'position_ids', *(['num_logits_to_keep'] if keeps else []), *pasts]
    axes = {'input_ids': {0: 'batch_size', 1: 'sequence_length'}, 'position_ids': {0: 'batch_size', 1: 'sequence_length'}, 'attention_mask': {0: 'batch_size', 1: 'past_sequence_length + 1' if cached else 'sequence_length'}, 'logits': {0: 'batch_size', 1: 'sequence_length'}}
    axes |= {name: {0: 'batch_size', 2: 'past_sequence_length'} for name in pasts} | {name: {0: 'batch_size', 2: 'past_sequence_length + 1'} for name in presents}
    torch.onnx.export(Form(cached, keeps, given), args, path, input_names=names, output_names=['logits', *presents], dynamic_axes=axes, dynamo=False, opset_version=17)

out = Path(sys.argv[1]); out.mkdir(parents=True, exist_ok=True)
export(out / 'num_logits_to_keep.onnx', cached=True, keeps=True)
with tempfile.TemporaryDirectory() as temporary:
    plain, cached = f'{temporary}/decoder_model.onnx', f'{temporary}/decoder_with_past_model.onnx'
    export(plain, cached=False); export(cached, cached=True)
    merge_decoders(plain, cached, save_path=str(out / 'decoder_model_merged.onnx'))
ids = torch.randint(3, 40, (2, 6)); mask = torch.ones_like(ids)
with torch.no_grad():
    logits = model(input_ids=ids, attention_mask=mask).logits
    tokens = ids[:1, :3]
    for _ in range(6): tokens = torch.cat([tokens, model(input_ids=tokens).logits[:, -1:].argmax(-1)], 1)
save_file({'input_ids': ids, 'attention_mask': mask, 'logits': logits.contiguous(), 'greedy': tokens[0, 3:].contiguous()}, out / 'expected.safetensors')
(out / 'config.json').write_text(json.dumps({'model_type': 'llama', 'architectures': ['LlamaForCausalLM'], 'vocab_size': 40, 'hidden_size': 16, 'num_attention_heads': 2, 'num_key_value_heads': 1, 'head_dim': 8, 'max_position_embeddings': 32}) + '\n')
export(out / 'dynamic_cache.onnx', cached=True, given=True)
for path in out.glob('*.onnx'):
    exported = onnx.load(path); del exported.graph.value_info[:]; onnx.save(exported, path)
