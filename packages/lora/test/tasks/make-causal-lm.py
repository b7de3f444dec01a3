"""Makes fixtures/causal-lm.json: what TRL's SFTTrainer makes of rows (token ids, labels), and transformers' loss on them.
usage: make-causal-lm.py > fixtures/causal-lm.json    (pip install torch transformers trl onnxruntime)"""
import json, os, tempfile, warnings
import numpy as np, onnxruntime, torch
from datasets import Dataset
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.loss.loss_utils import ForCausalLMLoss
from trl import SFTConfig, SFTTrainer
warnings.filterwarnings('ignore')
here = os.path.dirname(os.path.abspath(__file__)); embedded = f'{here}/../../../../examples/model'
template = "{% for message in messages %}{{ message['role'] + ' ' + message['content'] + ' . ' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant ' }}{% endif %}"
turn = lambda role, content: {'role': role, 'content': content}
tables = {
    'text': [{'text': text} for text in ['the girls sleep', 'all boys sleep.', 'did the actress laugh? [CLS]', 'the']],
    'completion': [{'prompt': 'the girls', 'completion': ' sleep.'}, {'prompt': 'the girl', 'completion': 's sleep'}, {'prompt': 'did the actress', 'completion': ' laugh? [CLS]'}],
    'conversation': [{'messages': [turn('user', 'the girls'), turn('assistant', 'sleep'), turn('user', 'the boys')]}, {'messages': [turn('user', 'all')]}],
    'answer': [{'prompt': [turn('user', 'the girls')], 'completion': [turn('assistant', 'sleep')]}, {'prompt': [turn('user', 'all'), turn('assistant', 'boys'), turn('user', 'the')], 'completion': [turn('assistant', 'laugh loudly')]}],
}
model = GPT2LMHeadModel.from_pretrained(embedded, dtype=torch.float32).eval()
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f'{embedded}/tokenizer.json', pad_token='[PAD]', unk_token='[UNK]', cls_token='[CLS]', eos_token='[CLS]', chat_template=template)
def onnx_logits(name):
    session = onnxruntime.InferenceSession(f'{here}/../fixtures/exports/{name}/model.onnx')
    return lambda ids, mask: torch.tensor(session.run(['logits'], {'input_ids': ids.numpy(), 'attention_mask': mask.numpy()})[0])
logits = {'gpt2': lambda ids, mask: model(input_ids=ids, attention_mask=mask).logits, 'llama-lm-torchscript': onnx_logits('llama-lm-torchscript'), 'gpt2-lm-dynamo': onnx_logits('gpt2-lm-dynamo')}
cases = []
for name, rows in tables.items():
    for options in [{}, {'max_length': 5}] + ([{'completion_only_loss': False}] if 'prompt' in rows[0] else []):
        with tempfile.TemporaryDirectory() as out:
            args = SFTConfig(output_dir=out, shuffle_dataset=False, report_to=[], use_cpu=True, **{'max_length': 32, **options})
            data = SFTTrainer(model=model, args=args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer).train_dataset
        examples = [{'input_ids': list(one['input_ids']), 'labels': list(one['labels'])} for one in data]
        losses = {}
        for model_name, run in logits.items() if examples else []:
            vocab = 231 if model_name == 'gpt2' else 24
            width = max(len(one['input_ids']) for one in examples)
            pad = lambda key, value: torch.tensor([one[key] + [value] * (width - len(one[key])) for one in examples])
            ids, labels, mask = pad('input_ids', 0), pad('labels', -100), (pad('input_ids', -1) >= 0).long()
            if vocab == 24: ids, labels = ids % 24, torch.where(labels >= 0, labels % 24, labels)  # their vocabulary is smaller
            if vocab == 24 and width > 12: continue
            with torch.no_grad(): scores = run(ids, mask)
            each = [ForCausalLMLoss(scores[i:i + 1], labels[i:i + 1], vocab).item() if (labels[i, 1:] != -100).any() else None for i in range(len(examples))]
            losses[model_name] = {'mean': ForCausalLMLoss(scores, labels, vocab).item(), 'each': each}
        cases.append({'form': name, 'rows': rows, 'options': options, 'examples': examples, 'losses': losses})
print(json.dumps({'chat_template': template, 'cases': cases}))
