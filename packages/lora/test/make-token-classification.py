"""Makes fixtures/token-classification: a tiny random BERT with its tokenizer, exported bare, PEFT's adapter for
BertForTokenClassification, and what transformers' collator, model and loss make of tagged words.
usage: make-token-classification.py OUT_FOLDER    (pip install torch transformers peft onnx)"""
import copy, json, onnx, os, sys, torch, warnings
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForTokenClassification, DataCollatorForTokenClassification, PreTrainedTokenizerFast
warnings.filterwarnings('ignore')
out = sys.argv[1]; os.makedirs(out, exist_ok=True); torch.manual_seed(5)

names = ['anna', 'berlin', 'ber', '##lin', 'paris', 'par', '##is', 'o', "'", 'brien', 'in', 'met', 'lives', '.', '-', 'based', 'sony', 'un', '##known']
vocab = {token: i for i, token in enumerate(['[PAD]', '[UNK]', '[CLS]', '[SEP]', *names])}
t = Tokenizer(models.WordPiece(vocab=vocab, unk_token='[UNK]'))
t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
t.post_processor = processors.TemplateProcessing(single='[CLS] $A [SEP]', pair='[CLS] $A [SEP] $B:1 [SEP]:1', special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
t.save(f'{out}/tokenizer.json')
with open(f'{out}/tokenizer_config.json', 'w') as file: json.dump({'pad_token': '[PAD]'}, file)
fast = PreTrainedTokenizerFast(tokenizer_object=t, pad_token='[PAD]')

labels = ['O', 'B-LOC', 'B-ORG', 'B-PER', 'I-ORG', 'I-PER']
rows = [
    (['Anna', "O'Brien", 'lives', 'in', 'Parisberlin', '.'], ['B-PER', 'I-PER', 'O', 'O', 'B-LOC', 'O']),
    (['Berlin-based', 'Sony', 'Unknown', 'met', 'Anna'], ['O', 'B-ORG', 'I-ORG', 'O', 'B-PER']),
    (['Paris'], ['B-LOC']),
]

def encode(words, tags, every):  # transformers' examples/pytorch/token-classification/run_ner.py
    e = fast(words, is_split_into_words=True)
    ids, previous = [], None
    for word in e.word_ids():
        tag = None if word is None else tags[word]
        if word is None: ids.append(-100)
        elif word != previous: ids.append(labels.index(tag))
        elif not every: ids.append(-100)
        else: ids.append(labels.index(f'I-{tag[2:]}') if f'I-{tag[2:]}' in labels and tag[0] == 'B' else labels.index(tag))
        previous = word
    return {'input_ids': e['input_ids'], 'attention_mask': e['attention_mask'], 'labels': ids}

config = BertConfig(vocab_size=len(vocab), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, max_position_embeddings=24,
                    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=len(labels), attn_implementation='eager')
model = BertForTokenClassification(config).eval()
with torch.no_grad():
    for p in model.parameters(): p.add_(0.3 * torch.randn_like(p))
batch = DataCollatorForTokenClassification(fast)([encode(*row, False) for row in rows])
every = DataCollatorForTokenClassification(fast)([encode(*row, True) for row in rows])['labels']
inputs = {'input_ids': batch['input_ids'], 'attention_mask': batch['attention_mask']}
axes = {key: {0: 'batch', 1: 'sequence'} for key in inputs}
class Bare(torch.nn.Module):
    def __init__(self):
        super().__init__(); self.bert = model.bert
    def forward(self, input_ids, attention_mask):
        return self.bert(input_ids=input_ids, attention_mask=attention_mask)[0]
torch.onnx.export(Bare(), tuple(inputs.values()), f'{out}/model.onnx', input_names=list(inputs),
                  output_names=['last_hidden_state'], dynamic_axes=axes, dynamo=False, opset_version=17)
exported = onnx.load(f'{out}/model.onnx')
for node in exported.graph.node:  # what the tests do not need
    del node.metadata_props[:]; node.ClearField('doc_string')
del exported.graph.value_info[:]
onnx.save(exported, f'{out}/model.onnx')
with open(f'{out}/config.json', 'w') as file: json.dump({'model_type': 'bert', 'architectures': ['BertModel'], 'max_position_embeddings': 24}, file)
peft = get_peft_model(copy.deepcopy(model), LoraConfig(task_type='TOKEN_CLS', r=2, lora_alpha=4)).eval()
with torch.no_grad():
    for p in peft.parameters():
        if p.requires_grad: p.add_(0.4 * torch.randn_like(p))
    result, loss_of_all = peft(**batch), peft(**inputs, labels=every).loss
peft.save_pretrained(f'{out}/adapter'); os.remove(f'{out}/adapter/README.md')
optimizer = torch.optim.SGD([p for p in peft.parameters() if p.requires_grad], lr=0.05)
losses = []
for _ in range(5):
    loss = peft(**batch).loss
    losses.append(loss.item()); optimizer.zero_grad(); loss.backward(); optimizer.step()
expected = {'tags': labels, 'rows': [{'words': words, 'tags': tags} for words, tags in rows], 'input_ids': batch['input_ids'].tolist(), 'labels': batch['labels'].tolist(),
            'loss': result.loss.item(), 'losses': losses, 'logits': result.logits.tolist(), 'label_all_tokens': {'labels': every.tolist(), 'loss': loss_of_all.item()}}
with open(f'{out}/expected.json', 'w') as file: json.dump(expected, file)
