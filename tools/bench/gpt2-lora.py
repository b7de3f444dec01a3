# The step of `npm run bench -- gpt2-lora` with PyTorch and PEFT: GPT-2 base of random weights, experiment 1's adapter,
# rows of 12 tokens. Prints the median of 15 steps (2 on a processor), in float32 and in TF32.
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2ForSequenceClassification

device = "cuda" if torch.cuda.is_available() else "cpu"


def seconds(rows: int) -> float:
    torch.manual_seed(1)
    config = GPT2Config(num_labels=2, pad_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    adapter = LoraConfig(
        task_type="SEQ_CLS",
        r=4,
        lora_alpha=4,
        lora_dropout=0,
        fan_in_fan_out=True,
        target_modules=["c_attn", "c_proj", "c_fc"],
        modules_to_save=["ln_1", "ln_2", "ln_f", "score"],
    )
    model = get_peft_model(GPT2ForSequenceClassification(config), adapter).to(device)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    times = []
    for _ in range(15 if device == "cuda" else 2):
        input_ids = torch.randint(1, config.vocab_size, (rows, 12), device=device)
        labels = torch.randint(0, 2, (rows,), device=device)
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = model(input_ids=input_ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        loss.item()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


for allow_tf32 in (False, True):
    torch.backends.cuda.matmul.allow_tf32 = allow_tf32
    for rows in (32, 128):
        name = f"PyTorch {torch.__version__}, {device}, {'TF32' if allow_tf32 else 'float32'}"
        print(f"{name}, {rows} rows: {seconds(rows) * 1e3:.1f} ms a step", flush=True)
