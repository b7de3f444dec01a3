# The logits of src/runtime/self-test.ts's encoder, and the loss and the gradients of src/session/self-test.ts's step, by
# PyTorch in float64.
import json
import math
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def values(count, salt):
    return torch.tensor([math.sin(1.3 * i + salt) for i in range(count)])


x = values(12, 0).reshape(3, 4)
p = {
    'w1': values(16, 1).reshape(4, 4),
    'b1': values(4, 2),
    'scale': values(4, 3),
    'shift': values(4, 4),
    'w2': values(8, 5).reshape(4, 2),
}
for value in p.values():
    value.requires_grad_()
h = F.gelu(x @ p['w1'] + p['b1'], approximate='tanh')
a = torch.softmax(h @ h.T * 0.5, -1) @ h
n = F.layer_norm(a + h, (4,), p['scale'], p['shift'], 1e-5)
loss = F.cross_entropy(n @ p['w2'], torch.tensor([0, 1, 1]))
loss.backward()
print(json.dumps([round(v, 8) for v in [loss.item(), *[g for v in p.values() for g in v.grad.flatten().tolist()]]]))

words, places = values(24, 1).reshape(6, 4), values(32, 2).reshape(8, 4)
e = words[torch.tensor([[1, 5, 2, 0], [4, 3, 0, 0]])] + places[:4]
n = F.layer_norm(e, (4,), values(4, 3), values(4, 4), 1e-5)
mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]) == 1
s = (n @ n.transpose(1, 2) * 0.5).masked_fill(~mask[:, None, :], -1e9)
h = torch.softmax(s, -1) @ n
logits = F.gelu(h @ values(16, 5).reshape(4, 4) + values(4, 6)) @ values(8, 7).reshape(4, 2)
print(json.dumps([round(v, 8) for v in logits.flatten().tolist()]))
