"""Makes fixtures/adapters: tiny exported models, adapters that PEFT trained for them, and what PEFT computes with each, merged and not.
usage: make-adapters.py OUT_FOLDER    (pip install torch transformers peft onnx safetensors)"""
import copy, os, sys, torch, warnings
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForSequenceClassification
warnings.filterwarnings('ignore')
out = sys.argv[1]
sizes = dict(vocab_size=31, hidden_size=8, num_attention_heads=2, intermediate_size=12, max_position_embeddings=16, pad_token_id=0)
torch.manual_seed(5)
models = {
    'bert': BertModel(BertConfig(num_hidden_layers=2, hidden_dropout_prob=0, attention_probs_dropout_prob=0, **sizes), add_pooling_layer=False),
    'llama': LlamaForSequenceClassification(LlamaConfig(num_hidden_layers=2, num_labels=3, bos_token_id=1, eos_token_id=2, **sizes)),
}
variants = {
    'bert': {
        'bare': dict(task_type='FEATURE_EXTRACTION', target_modules=['query', 'value'], modules_to_save=['dense']),
        'bare-regex': dict(task_type='FEATURE_EXTRACTION', target_modules=r'encoder\.layer\.\d\.attention\.self\.(key|value)', modules_to_save=['encoder.layer.0.output'], rank_pattern={'^encoder.layer.1.attention.self.key': 3}),
        'bare-bias': dict(target_modules=['query'], bias='all', use_dora=True, modules_to_save=['word_embeddings']),
    },
    'llama': {
        'suffix': dict(task_type='SEQ_CLS', target_modules=['q_proj'], modules_to_save=['norm']),
        'embeddings': dict(task_type='SEQ_CLS', target_modules=['q_proj', 'embed_tokens'], modules_to_save=['model.norm']),
        'pissa': dict(task_type='SEQ_CLS', target_modules=['q_proj', 'down_proj'], init_lora_weights='pissa'),
        'olora': dict(task_type='SEQ_CLS', target_modules=['q_proj', 'down_proj'], init_lora_weights='olora'),
        'bfloat16': dict(task_type='SEQ_CLS', target_modules=['q_proj', 'o_proj'], modules_to_save=['norm']),
    },
}
ids = torch.randint(3, 31, (3, 6)); lengths = torch.tensor([6, 3, 4]); mask = (torch.arange(6)[None] < lengths[:, None]).long(); ids = ids * mask
run = lambda model: (lambda y: y.logits if hasattr(y, 'logits') else y.last_hidden_state)(model(input_ids=ids, attention_mask=mask))
for name, model in models.items():
    model.eval()
    with torch.no_grad():
        for p in model.parameters(): p.copy_((p + 0.3 * torch.randn_like(p)).bfloat16())
    model.config._attn_implementation = 'eager'
    os.makedirs(f'{out}/{name}', exist_ok=True)
    axes = {'input_ids': {0: 'batch', 1: 'sequence'}, 'attention_mask': {0: 'batch', 1: 'sequence'}}
    bare = getattr(model, 'model', model); forward = bare.forward
    bare.forward = lambda input_ids, attention_mask: forward(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    torch.onnx.export(bare, (ids, mask), f'{out}/{name}/model.onnx', input_names=list(axes), output_names=['last_hidden_state'], dynamic_axes=axes, dynamo=False, opset_version=17)
    del bare.forward
    expected = dict(input_ids=ids, attention_mask=mask)
    for variant, options in variants[name].items():
        torch.manual_seed(3)
        base = copy.deepcopy(model).to(torch.bfloat16 if variant == 'bfloat16' else torch.float32)
        tuned = get_peft_model(base, LoraConfig(r=2, lora_alpha=4, **options)).eval()
        with torch.no_grad():
            for p in tuned.parameters():
                if p.requires_grad: p.add_(0.2 * torch.randn_like(p))
        folder = f'{out}/{name}/{variant}'
        tuned.save_pretrained(folder)
        os.path.exists(f'{folder}/README.md') and os.remove(f'{folder}/README.md')
        with torch.no_grad():
            loaded = PeftModel.from_pretrained(copy.deepcopy(model), folder).eval()
            expected[f'{variant}.output'] = run(loaded).contiguous()
            expected[f'{variant}.merged'] = run(loaded.merge_and_unload()).contiguous()
            print(name, variant, float((expected[f'{variant}.output'] - run(model)).abs().max()), float((expected[f'{variant}.output'] - expected[f'{variant}.merged']).abs().max()), flush=True)
    save_file(expected, f'{out}/{name}/expected.safetensors')
