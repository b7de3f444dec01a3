"""Losses and gradients of torch.nn.BCEWithLogitsLoss and MSELoss: python make-elementwise-losses.py > fixtures/elementwise-losses.json"""
import json
import torch

torch.manual_seed(0)
cases = []
for rows, width, scale in [(1, 1, 1.0), (3, 2, 2.0), (4, 5, 60.0)]:
    logits = (torch.randn(rows, width) * scale).requires_grad_()
    for name, loss, labels in [
        ('binaryCrossEntropy', torch.nn.BCEWithLogitsLoss(), torch.rand(rows, width).round()),
        ('binaryCrossEntropy', torch.nn.BCEWithLogitsLoss(), torch.rand(rows, width)),
        ('meanSquaredError', torch.nn.MSELoss(), torch.randn(rows, width)),
    ]:
        logits.grad = None
        value = loss(logits, labels)
        value.backward()
        cases.append({'loss': name, 'dims': [rows, width], 'logits': logits.flatten().tolist(), 'labels': labels.flatten().tolist(),
                      'value': value.item(), 'gradient': logits.grad.flatten().tolist()})

for rows, width, scale in [(3, 2, 2.0), (4, 3, 60.0)]:
    logits = (torch.randn(rows, width) * scale).requires_grad_()
    for labels in [torch.rand(rows, width).round(), torch.rand(rows, width)]:
        pos_weight = torch.tensor([0.0, 3.5, 0.25][:width])
        value = torch.nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, labels)
        (gradient,) = torch.autograd.grad(value, logits)
        cases.append({'loss': 'binaryCrossEntropy', 'dims': [rows, width], 'logits': logits.flatten().tolist(), 'labels': labels.flatten().tolist(),
                      'pos_weight': pos_weight.tolist(), 'value': value.item(), 'gradient': gradient.flatten().tolist()})
# Logits of exactly 0, as a head of zeros gives: the kinks of max(x, 0) and |x|.
for pos_weight in [None, torch.tensor([0.5, 3.0])]:
    logits, labels = torch.tensor([[0.0, -0.0], [0.0, 1.0]], requires_grad=True), torch.tensor([[0.0, 1.0], [0.25, 0.0]])
    value = torch.nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, labels)
    (gradient,) = torch.autograd.grad(value, logits)
    cases.append({'loss': 'binaryCrossEntropy', 'dims': [2, 2], 'logits': logits.flatten().tolist(), 'labels': labels.flatten().tolist(),
                  **({} if pos_weight is None else {'pos_weight': pos_weight.tolist()}), 'value': value.item(), 'gradient': gradient.flatten().tolist()})
print(json.dumps(cases))
