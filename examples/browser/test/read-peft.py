"""Logits of an adapter as transformers and PEFT compute them: read-peft.py MODEL ADAPTER TEXT..."""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

model_folder, adapter_folder, *texts = sys.argv[1:]
with open(f"{adapter_folder}/head_config.json") as file:
    num_labels = json.load(file)["num_labels"]
base = AutoModelForSequenceClassification.from_pretrained(
    model_folder, num_labels=num_labels, dtype=torch.float32
)
model = PeftModel.from_pretrained(base, adapter_folder).eval()
tokenizer = PreTrainedTokenizerFast.from_pretrained(model_folder)
with torch.no_grad():
    rows = [model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0].tolist() for text in texts]
print(json.dumps(rows))
