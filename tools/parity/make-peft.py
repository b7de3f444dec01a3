"""Makes golden cases of kind peft: adapters of every flavour on a tiny GPT-2 classifier, with the logits that PEFT computes.
usage: make-peft.py OUT_FOLDER [NAME ...]    (pip install torch transformers peft safetensors)"""
import copy, os, sys, torch
from peft import IA3Config, LoraConfig, VeraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel
linear = ['c_attn', 'c_proj', 'c_fc']
variants = {
    'rslora': dict(target_modules=linear, use_rslora=True, lora_alpha=4),
    'dora': dict(target_modules=linear, use_dora=True),
    'dora-rslora': dict(target_modules=['c_attn'], use_dora=True, use_rslora=True),
    'bias-all': dict(target_modules=['c_attn'], bias='all'),
    'bias-lora-only': dict(target_modules=['attn.c_proj', 'c_fc'], bias='lora_only'),
    'lora-bias': dict(target_modules=linear, lora_bias=True),
    'patterns': dict(target_modules=linear, rank_pattern={'c_fc': 2, r'h\.1\.attn\.c_attn': 5}, alpha_pattern={'attn.c_proj': 9}),
    'layers': dict(target_modules=['c_attn', 'c_fc'], layers_to_transform=[1]),
    'exclude': dict(target_modules=linear, exclude_modules=['h.0.mlp.c_proj']),
    'regex': dict(target_modules=r'.*\.h\.[01]\.mlp\.c_(fc|proj)'),
    'all-linear': dict(target_modules='all-linear'),
    'saved': dict(target_modules=['c_attn'], modules_to_save=['ln_f', 'ln_1']),
    'embedding': dict(target_modules=['wte', 'wpe', 'c_attn'], use_rslora=True),
    'tokens': dict(target_modules=['c_attn'], trainable_token_indices=[42, 5, 17]),
    'lm-embedding': dict(target_modules=['wte', 'c_fc'], task_type='CAUSAL_LM'),
    'lm-tokens': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', trainable_token_indices={'wte': [5, 17, 42]}),
}
# What is saved in full: of half the width, because the files hold whole matrices.
saved = {
    'saved-dotted': dict(target_modules=['c_attn'], modules_to_save=['h.0.ln_1', 'transformer.h.1.mlp', 'n_f']),
    'saved-embedding': dict(target_modules=['c_attn'], modules_to_save=['wte'], save_embedding_layers=True),
    'dora-saved': dict(target_modules=['c_attn', 'c_fc'], use_dora=True, modules_to_save=['ln_f', 'ln_2']),
    'bias-all-saved': dict(target_modules=['c_attn'], bias='all', modules_to_save=['ln_f', 'h.1.mlp.c_proj']),
    'lm-head': dict(target_modules=['lm_head', 'c_fc'], task_type='CAUSAL_LM'),
    'lm-saved-embedding': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', modules_to_save=['wte'], save_embedding_layers=True),
    'lm-saved-head': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', modules_to_save=['lm_head']),
    'lm-saved-both': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', modules_to_save=['wte', 'lm_head']),
    'lm-saved-tied': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', modules_to_save=['lm_head'], ensure_weight_tying=True),
    'lm-stored': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', save_embedding_layers=True),
    'lm-tokens-stored': dict(target_modules=['c_attn'], task_type='CAUSAL_LM', trainable_token_indices=[5, 17, 42], save_embedding_layers=True),
}
# Other methods than LoRA, with the gradient of every trained parameter and every merged matrix.
methods = {
    'ia3': (IA3Config, dict()),
    'ia3-regex': (IA3Config, dict(target_modules=r'.*\.(c_attn|c_fc|mlp\.c_proj)', feedforward_modules=r'.*\.c_(fc|proj)', modules_to_save=['ln_f'])),
    'vera': (VeraConfig, dict(r=5, target_modules=linear, projection_prng_key=7)),
    'vera-seeded': (VeraConfig, dict(r=300, target_modules=['c_attn', 'mlp.c_proj'], layers_to_transform=[1], save_projection=False, projection_prng_key=2**31 + 5, bias='vera_only', d_initial=0.4)),
}
variants.update(saved)
variants.update({name: options for name, (_, options) in methods.items()})
out, names = sys.argv[1], sys.argv[2:] or list(variants)
for name in names:
    torch.manual_seed(11)
    config = GPT2Config(vocab_size=61, n_positions=24, n_embd=8 if name in saved or name in methods else 16, n_layer=2, n_head=2, num_labels=2, pad_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    lm = variants[name].get('task_type') == 'CAUSAL_LM'
    base = (GPT2LMHeadModel if lm else GPT2ForSequenceClassification)(config).eval()
    with torch.no_grad():
        for p in base.parameters(): p.add_(0.1 * torch.randn_like(p))
    folder = f'{out}/peft-{name}'
    base.save_pretrained(f'{folder}/base')
    ids = torch.randint(1, 61, (4, 9)); lengths = torch.tensor([9, 9, 9, 9] if lm else [9, 4, 6, 1]); ids[0, :3] = torch.tensor([5, 17, 42]); mask = (torch.arange(9)[None] < lengths[:, None]).long(); ids = ids * mask
    with torch.no_grad(): base_logits = base(ids, attention_mask=mask).logits
    save = {'save_embedding_layers': variants[name].pop('save_embedding_layers', 'auto')}
    Config = methods[name][0] if name in methods else LoraConfig
    options = {**({'r': 3, 'lora_alpha': 6} if Config is LoraConfig else {}), 'task_type': 'SEQ_CLS', 'fan_in_fan_out': True, **variants[name]}
    model = get_peft_model(copy.deepcopy(base), Config(**options)).eval()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if p.requires_grad: p.add_(0.1 * torch.randn_like(p))
    with torch.no_grad(): logits = model(input_ids=ids, attention_mask=mask).logits
    model.save_pretrained(f'{folder}/adapter', **save)
    training = {}
    if name in methods:
        labels = torch.tensor([1, 0, 0, 1])
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids, attention_mask=mask).logits, labels); loss.backward()
        plain = lambda n: n.replace('.default', '').replace('.modules_to_save', '')
        training = {'labels': labels, 'loss': loss.detach(), **{f'grad.{plain(n)}': p.grad.contiguous() for n, p in model.named_parameters() if p.requires_grad}}
    # PEFT merges an embedding's adapter into a tied head too, and the head's into the embedding, which then compute something else: there, merged is what unmerged is.
    whole = None if name in ('lm-embedding', 'lm-head') else model.merge_and_unload()
    with torch.no_grad(): merged = logits.clone() if whole is None else whole(ids, attention_mask=mask).logits
    if name in methods: training.update({f'weight.{n}': p.detach().contiguous() for n, p in whole.named_parameters() if not torch.equal(p, base.get_parameter(n))})
    for rest in ('adapter/README.md', 'base/generation_config.json'): os.path.exists(f'{folder}/{rest}') and os.remove(f'{folder}/{rest}')
    save_file(dict(input_ids=ids, attention_mask=mask, logits=logits, base_logits=base_logits, merged_logits=merged, **training), f'{folder}/expected.safetensors')
    print(name, float((logits - base_logits).abs().max()), float((logits - merged).abs().max()), flush=True)
