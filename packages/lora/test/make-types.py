"""Makes fixtures/types: tiny base models exported in float16, bfloat16 and float16 with float32 inputs and outputs, each with an adapter that PEFT made of it
in the same type, and what PyTorch computes in float32 with those weights: logits, merged logits, and gradients of the adapter and the head.
usage: make-types.py    (pip install torch transformers peft onnx onnxscript onnxruntime safetensors)"""
import json, os, shutil, sys, warnings
import onnx, torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
warnings.filterwarnings('ignore')
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'types')
common = dict(vocab_size=40, num_labels=3, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=128, max_position_embeddings=16, pad_token_id=0)
kinds = {
    # name: architecture, exporter, type of the base and the adapter, targets, head, the base model's attribute
    'llama-float16': ('llama', 'dynamo', torch.float16, ['q_proj', 'down_proj'], 'score', 'model'),
    'llama-bfloat16': ('llama', 'torchscript', torch.bfloat16, ['v_proj', 'up_proj', 'embed_tokens'], 'score', 'model'),
    'bert-float16-io': ('bert', 'converted', torch.float16, ['query', 'intermediate.dense'], 'classifier', 'bert'),
}
class Base(torch.nn.Module):
    def __init__(self, model, attribute):
        super().__init__(); self.attribute = attribute; setattr(self, attribute, model)
    def forward(self, input_ids, attention_mask):
        return getattr(self, self.attribute)(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
for name in sys.argv[1:] or kinds:
    architecture, exporter, dtype, targets, head, attribute = kinds[name]
    torch.manual_seed(3)
    folder = f'{out}/{name}'; shutil.rmtree(folder, ignore_errors=True); os.makedirs(folder)
    config = AutoConfig.for_model(architecture, **common, **(dict(num_key_value_heads=1) if architecture == 'llama' else dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)))
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation='eager').eval()
    with torch.no_grad():
        for p in model.parameters(): p.add_(0.1 * torch.randn_like(p))
    model = model.to(dtype)
    ids = torch.randint(3, 40, (4, 7)); lengths = torch.tensor([7, 4, 6, 2]); mask = (torch.arange(7)[None] < lengths[:, None]).long()
    ids = torch.where(mask.bool(), ids, 0); labels = torch.tensor([1, 0, 2, 1])
    base = Base(getattr(model, attribute), attribute).eval()
    axes = {'input_ids': {0: 'batch', 1: 'sequence'}, 'attention_mask': {0: 'batch', 1: 'sequence'}}
    path = f'{folder}/model.onnx'
    if exporter == 'dynamo':
        shapes = tuple({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for _ in axes)
        torch.onnx.export(base, (ids, mask), path, input_names=list(axes), output_names=['last_hidden_state'], dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
    else:
        torch.onnx.export(base.float() if exporter == 'converted' else base, (ids, mask), path, input_names=list(axes), output_names=['last_hidden_state'], dynamic_axes=axes, dynamo=False, opset_version=17)
    exported = onnx.load(path)
    if exporter == 'converted':
        from onnxruntime.transformers.float16 import convert_float_to_float16
        exported = convert_float_to_float16(exported, keep_io_types=True)
        base.to(dtype)
    for node in exported.graph.node:  # the places of this file's lines are nobody's business
        for prop in [prop for prop in node.metadata_props if not prop.key.endswith('name_scopes')]: node.metadata_props.remove(prop)
        node.ClearField('doc_string')
    del exported.graph.value_info[:]
    onnx.save(exported, path)
    json.dump({'model_type': architecture, 'pad_token_id': 0, 'max_position_embeddings': 16}, open(f'{folder}/config.json', 'w'))
    lora = LoraConfig(task_type='SEQ_CLS', r=2, lora_alpha=4, target_modules=targets, init_lora_weights=False)
    adapted = get_peft_model(model, lora, autocast_adapter_dtype=False)
    adapted.save_pretrained(f'{folder}/adapter', safe_serialization=True, save_embedding_layers=False)
    os.remove(f'{folder}/adapter/README.md')
    types = {str(t.dtype) for t in load_file(f'{folder}/adapter/adapter_model.safetensors').values()}
    adapted = adapted.float().eval()
    def forward(m):
        if architecture == 'llama': return m(input_ids=ids, attention_mask=mask).logits
        # read at the first token, without the pooler, as a head on hidden states does
        inner = m.base_model.model if isinstance(m, PeftModel) else m
        return inner.classifier(inner.bert(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0])
    logits = forward(adapted); loss = torch.nn.functional.cross_entropy(logits, labels); loss.backward()
    grads = {}
    for n, p in adapted.named_parameters():
        if p.requires_grad and p.grad is not None: grads['grad.' + n.replace('.default', '').replace('modules_to_save.', '')] = p.grad.contiguous()
    expected = {'logits': logits.detach(), 'loss': loss.detach(), **grads}
    with adapted.disable_adapter(): expected['hidden'] = Base(getattr(adapted.base_model.model, attribute), attribute)(ids, mask).detach()
    merged = adapted.merge_and_unload(); expected['merged'] = forward(merged).detach()
    save_file(expected, f'{folder}/expected.safetensors')
    save_file({'input_ids': ids, 'attention_mask': mask, 'labels': labels}, f'{folder}/inputs.safetensors')
    print(name, sorted(types), sorted({onnx.TensorProto.DataType.Name(i.data_type) for i in exported.graph.initializer}), len(grads), 'gradients', os.path.getsize(path), logits.tolist()[0], flush=True)
