"""Makes golden cases of kind onnx: tiny random classifiers exported by PyTorch's two exporters, with the numbers that PyTorch computes.
usage: make-onnx.py OUT_FOLDER [--dtype float16|bfloat16|float64] [ARCHITECTURE ...]    (pip install torch transformers onnx onnxscript safetensors)
Models of another type are exported in it; their numbers are computed in float32, with their weights. Constants such as 1/sqrt(8) are rounded in the file."""
import copy, os, sys, torch, warnings
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
warnings.filterwarnings('ignore')
common = dict(vocab_size=97, num_labels=2, pad_token_id=0)
bert = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=40)
llama = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64, max_position_embeddings=40)
architectures = {
    'bert': bert,
    'roberta': {**bert, 'pad_token_id': 1},
    'distilbert': dict(dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=40),
    'electra': {**bert, 'embedding_size': 16},
    'albert': {**bert, 'embedding_size': 16},
    'mpnet': {**bert, 'pad_token_id': 1},
    'deberta-v2': {**bert, 'relative_attention': True, 'pos_att_type': ['c2p', 'p2c'], 'position_buckets': 8, 'norm_rel_ebd': 'layer_norm', 'share_att_key': True},
    'gpt2': dict(n_embd=32, n_layer=2, n_head=4, n_positions=40),
    'gpt_neo': dict(hidden_size=32, num_layers=2, num_heads=4, attention_types=[[['global', 'local'], 1]], window_size=4, max_position_embeddings=40),
    'gpt_neox': dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=40),
    'opt': dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, max_position_embeddings=40, word_embed_proj_dim=32),
    'bloom': dict(hidden_size=32, n_layer=2, n_head=4),
    'llama': llama,
    'mistral': llama,
    'qwen2': llama,
    'qwen3': {**llama, 'head_dim': 8},
    'gemma': {**llama, 'head_dim': 8},
    'phi': llama,
}
arguments = sys.argv[1:]
at = arguments.index('--dtype') if '--dtype' in arguments else None
dtype = arguments[at + 1] if at is not None else 'float32'
if at is not None: del arguments[at:at + 2]
out, names = arguments[0], arguments[1:] or list(architectures)
suffix = '' if dtype == 'float32' else f'-{dtype}'
class Classifier(torch.nn.Module):
    def __init__(self, model):
        super().__init__(); self.model = model
    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits
for name in names:
    for exporter in ('dynamo', 'torchscript'):
        torch.manual_seed(7)
        config = AutoConfig.for_model(name, **{**common, **architectures[name]})
        for dropout in [key for key in config.to_dict() if 'drop' in key and isinstance(getattr(config, key), float)]: setattr(config, dropout, 0.0)
        try:
            model = Classifier(AutoModelForSequenceClassification.from_config(config, attn_implementation='eager' if exporter == 'torchscript' else None)).eval()
            with torch.no_grad():  # equal parameters, such as biases of zeros, would be merged by the exporters
                for p in model.parameters(): p.add_(0.05 * torch.randn_like(p))
            ids = torch.randint(3, 97, (4, 9)); lengths = torch.tensor([9, 4, 6, 2]); mask = (torch.arange(9)[None] < lengths[:, None]).long()
            ids = torch.where(mask.bool(), ids, config.pad_token_id); labels = torch.tensor([1, 0, 0, 1])
            model = model.to(getattr(torch, dtype)); reference = copy.deepcopy(model).float()
            logits = reference(ids, mask); loss = torch.nn.functional.cross_entropy(logits, labels); loss.backward()
            folder = f'{out}/onnx-{name}-{exporter}{suffix}'; os.makedirs(folder, exist_ok=True)
            axes = {'input_ids': {0: 'batch', 1: 'sequence'}, 'attention_mask': {0: 'batch', 1: 'sequence'}}
            if exporter == 'dynamo':
                shapes = tuple({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for _ in axes)
                torch.onnx.export(model, (ids, mask), f'{folder}/model.onnx', input_names=list(axes), output_names=['logits'], dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
            else:
                torch.onnx.export(model, (ids, mask), f'{folder}/model.onnx', input_names=list(axes), output_names=['logits'], dynamic_axes=axes, dynamo=False, opset_version=17)
            import onnx
            exported = onnx.load(f'{folder}/model.onnx')
            for node in exported.graph.node:  # the places of this file's lines are nobody's business
                for prop in [prop for prop in node.metadata_props if prop.key.endswith(('stack_trace', 'fx_node'))]: node.metadata_props.remove(prop)
                if 'doc_string' in node.DESCRIPTOR.fields_by_name: node.ClearField('doc_string')
            onnx.save(exported, f'{folder}/model.onnx')
            kept = {i.name for i in exported.graph.initializer}
            grads = {f'grad.{n}': p.grad for n, p in reference.named_parameters() if n in kept and p.grad is not None}
            save_file({'input_ids': ids, 'attention_mask': mask, 'labels': labels}, f'{folder}/inputs.safetensors')
            save_file({'logits': logits.detach(), 'loss': loss.detach(), **{k: v.contiguous() for k, v in grads.items()}}, f'{folder}/expected.safetensors')
            print(name, exporter, len(grads), 'gradients', flush=True)
        except Exception as error:
            print(name, exporter, 'NOT EXPORTED', type(error).__name__, str(error)[:150].replace('\n', ' '), flush=True)
