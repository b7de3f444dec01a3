"""Losses and gradients of sentence-transformers: python make-embedding-losses.py > fixtures/embedding-losses.json
MultipleNegativesRankingLoss of pairs and triples, CosineSimilarityLoss. A candidate that is left out is one whose
column is missing from the softmax: scores of minus infinity, by torch.nn.functional.cross_entropy."""
import json
import torch
from sentence_transformers import SentenceTransformer, util
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss, MultipleNegativesRankingLoss

torch.manual_seed(0)
model = SentenceTransformer(modules=[torch.nn.Identity()], device='cpu')
cases = []


def case(loss, columns, value, **inputs):
    value.backward()
    cases.append({'loss': loss, 'value': value.item(), 'columns': [column.flatten().tolist() for column in columns],
                  'gradients': [column.grad.flatten().tolist() for column in columns], 'width': columns[0].shape[1], **inputs})


def columns(count, rows, width):
    return [torch.randn(rows, width).requires_grad_() for _ in range(count)]


for count, rows, width, scale in [(2, 1, 3, 20.0), (2, 4, 3, 20.0), (3, 4, 5, 20.0), (3, 3, 2, 1.0)]:
    made = columns(count, rows, width)
    loss = MultipleNegativesRankingLoss(model, scale=scale)
    case('multipleNegativesRanking', made, loss.compute_loss_from_embeddings(made, None), scale=scale)

made = columns(3, 3, 4)
out = torch.zeros(3, 6, dtype=torch.bool)
out[0, 2] = out[1, 5] = out[2, 3] = True
scores = 20 * util.cos_sim(made[0], torch.cat(made[1:]))
value = torch.nn.functional.cross_entropy(scores.masked_fill(out, float('-inf')), torch.arange(3))
case('multipleNegativesRanking', made, value, scale=20.0, left_out=out.nonzero().tolist())

made = columns(2, 5, 3)
loss = MultipleNegativesRankingLoss(model)
parts = [loss.compute_loss_from_embeddings([column[part] for column in made], None) for part in (slice(0, 3), slice(3, 5))]
case('multipleNegativesRanking', made, (3 * parts[0] + 2 * parts[1]) / 5, scale=20.0, batches=[[0, 1, 2], [3, 4]])

for rows, width in [(1, 3), (5, 4)]:
    made = columns(2, rows, width)
    similarities = torch.rand(rows) * 2 - 1
    value = CosineSimilarityLoss(model).compute_loss_from_embeddings(made, similarities)
    case('cosineSquaredError', made, value, similarities=similarities.tolist())

# Several hard negatives a row, as mine_hard_negatives gives them.
made = columns(5, 3, 4)
case('multipleNegativesRanking', made, MultipleNegativesRankingLoss(model).compute_loss_from_embeddings(made, None), scale=20.0)
print(json.dumps(cases))
