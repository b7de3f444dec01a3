"""Gradients of sum(weights * y) at points where formulas divide by zero, by PyTorch: make-edge-gradients.py > fixtures/edge-gradients.json"""
import json
import torch
import torch.nn.functional as F

x = [[0.0, 0.0, 0.0], [3.0, 0.0, 4.0], [0.0, -2.0, 0.0]]
weights = torch.tensor([[1.0, -2.0, 0.5], [0.25, 2.0, -1.0], [3.0, 1.0, -0.75]])
exponents = torch.tensor([0.0, 1.0, 2.0])
forms = {
    'ReduceL2': lambda t: torch.linalg.vector_norm(t, dim=1, keepdim=True),
    'ReduceL2 of all': torch.linalg.vector_norm,
    'ReduceL2 of zeros': lambda t: torch.linalg.vector_norm(t * 0),
    'normalize': lambda t: F.normalize(t, dim=1),
    'Pow': lambda t: t**exponents,
    'Pow, the exponent': lambda t: exponents ** (t.abs() + 1),
}
cases = {}
for name, form in forms.items():
    t = torch.tensor(x, requires_grad=True)
    (weights * form(t)).sum().backward()
    cases[name] = t.grad.flatten().tolist()
print(json.dumps({'x': sum(x, []), 'weights': weights.flatten().tolist(), 'gradients': cases}))
