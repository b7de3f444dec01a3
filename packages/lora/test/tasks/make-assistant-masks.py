"""Makes fixtures/assistant-masks.json: token ids and return_assistant_tokens_mask of transformers' apply_chat_template, whose template marks
the assistant's turns with {% generation %}. usage: make-assistant-masks.py > fixtures/assistant-masks.json    (pip install transformers)"""
import json, os, re
from transformers import PreTrainedTokenizerFast
here = os.path.dirname(os.path.abspath(__file__)); embedded = f'{here}/../../../../examples/model'
turn = lambda role, content: {'role': role, 'content': content}
templates = {
    # As TRL's training templates: what the prompt for an answer begins stands before the mark, the end token within it.
    'trl': "{%- for message in messages -%}\n{%- if message.role == 'assistant' -%}\nassistant {% generation %}\n{{- message.content + ' [CLS] ' -}}\n{% endgeneration %}\n"
           "{%- else -%}\n{{ message.role + ' ' + message.content + ' . ' }}\n{%- endif -%}\n{%- endfor -%}\n{%- if add_generation_prompt -%}\n{{ 'assistant ' }}\n{%- endif -%}",
    # Marks on lines of their own, indented, and no end token.
    'lines': "{% for message in messages %}\n  {% if message.role == 'assistant' %}\nassistant:\n    {% generation %}\n{{ message.content }}\n    {% endgeneration %}\n"
             "  {% else %}\n{{ message.role }}: {{ message.content }}\n  {% endif %}\n{% endfor %}\n{% if add_generation_prompt %}\nassistant:\n{% endif %}",
    # Marks within words, whose tokens belong to a turn where a part of them does.
    'words': "{% for message in messages %}{% if message.role == 'assistant' %}s{% generation %}{{ message.content }}{% endgeneration %}s {% else %}{{ message.content }} {% endif %}{% endfor %}",
}
conversations = [
    [turn('user', 'the girls'), turn('assistant', 'sleep')],
    [turn('system', 'all boys'), turn('user', 'the girls'), turn('assistant', 'did the actress laugh?'), turn('user', 'the boys'), turn('assistant', 'laugh loudly'), turn('user', 'all')],
    [turn('user', 'the'), turn('assistant', 'girl'), turn('assistant', 'boys sleep.')],
]
cases = []
for name, template in templates.items():
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=f'{embedded}/tokenizer.json', pad_token='[PAD]', unk_token='[UNK]', cls_token='[CLS]', eos_token='[CLS]', chat_template=template)
    examples = []
    for messages in conversations:
        made = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        examples.append({'messages': messages, 'text': tokenizer.apply_chat_template(messages, tokenize=False), 'input_ids': list(made['input_ids']), 'assistant_masks': list(made['assistant_masks'])})
    cases.append({'name': name, 'template': template, 'examples': examples})
print(json.dumps(cases))
