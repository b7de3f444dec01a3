"""Makes fixtures/opsets: operators in the forms of other operator sets than 20, and what ONNX Runtime computes with them.
usage: make-opsets.py OUT_FOLDER    (pip install onnx onnxruntime numpy)"""
import json, os, sys, numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh
out = sys.argv[1]; os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(3)
f = lambda *shape: rng.normal(size=shape).astype(np.float32)
cases = {}

def keep(name, opset, nodes, inputs, inits={}, outputs=('y',)):
    kinds = {np.dtype('float32'): T.FLOAT, np.dtype('bool'): T.BOOL, np.dtype('int64'): T.INT64}
    axes = {'q': ['b', None, 's', None], 'k': ['b', None, 's', None], 'v': ['b', None, 's', None], 'mask': ['b', 1, 's', 's']}
    dims = lambda n, v: [a or d for a, d in zip(axes.get(n, [None] * v.ndim), v.shape)]
    graph = h.make_graph(nodes, name, [h.make_tensor_value_info(n, kinds[v.dtype], dims(n, v)) for n, v in inputs.items()],
                         [h.make_tensor_value_info(n, T.FLOAT, None) for n in outputs], [nh.from_array(v, n) for n, v in inits.items()])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid('', opset)], ir_version=10 if opset > 20 else 7), f'{out}/{name}.onnx')
    results = ort.InferenceSession(f'{out}/{name}.onnx').run(None, inputs)
    cases[name] = {'inputs': {n: {'dtype': str(v.dtype), 'dims': v.shape, 'data': v.ravel().tolist()} for n, v in inputs.items()},
                   'outputs': {n: {'dims': v.shape, 'data': v.ravel().tolist()} for n, v in zip(outputs, results)}}

N = h.make_node
for op in ('Softmax', 'LogSoftmax'):
    keep(f'{op.lower()}-11', 11, [N(op, ['x'], ['y'])], {'x': f(2, 3, 4)})
    keep(f'{op.lower()}-11-last', 11, [N(op, ['x'], ['y'], axis=3)], {'x': f(2, 2, 3, 4)})
    keep(f'{op.lower()}-13', 13, [N(op, ['x'], ['y'])], {'x': f(2, 3, 4)})
keep('axes-11', 11, [N('Unsqueeze', ['x'], ['u'], axes=[0, 3]), N('Squeeze', ['u'], ['s'], axes=[0]), N('ReduceSum', ['s'], ['r'], axes=[1], keepdims=1),
                     N('ReduceMean', ['r'], ['y'], axes=[-2], keepdims=0)], {'x': f(3, 4)})
keep('split-11', 11, [N('Split', ['x'], ['a', 'b'], axis=1, split=[1, 3]), N('Split', ['b'], ['c', 'd', 'e'], axis=1), N('Sub', ['a', 'd'], ['y'])], {'x': f(2, 4)})
keep('split-18', 18, [N('Split', ['x'], ['a', 'b'], axis=1, num_outputs=2), N('Sub', ['a', 'b'], ['y'])], {'x': f(2, 4)})
keep('dropout-11', 11, [N('Dropout', ['x'], ['d'], ratio=0.5), N('Neg', ['d'], ['y'])], {'x': f(2, 4)})
q, mask = {'q': f(2, 4, 3, 6), 'k': f(2, 4, 3, 6), 'v': f(2, 4, 3, 6)}, np.tril(np.ones((2, 1, 3, 3), bool))
keep('attention-23', 23, [N('Attention', ['q', 'k', 'v'], ['y'])], q)
keep('attention-23-mask', 23, [N('Attention', ['q', 'k', 'v', 'mask'], ['y'], scale=0.3)], {**q, 'mask': mask})
keep('attention-23-bias', 23, [N('Attention', ['q', 'k', 'v', 'mask'], ['y'])], {**q, 'mask': f(2, 1, 3, 3)})
keep('attention-23-groups', 23, [N('Attention', ['q', 'k', 'v', 'mask'], ['y'])], {'q': q['q'], 'k': f(2, 2, 3, 6), 'v': f(2, 2, 3, 6), 'mask': mask})
angles = f(7, 3); cache = {'cos': np.cos(angles), 'sin': np.sin(angles)}
positions = np.array([[0, 1, 2], [3, 5, 6]])
keep('rotary-23', 23, [N('RotaryEmbedding', ['q', 'cos', 'sin'], ['y'])], {'q': q['q']}, {n: v[positions] for n, v in cache.items()})
keep('rotary-23-positions', 23, [N('RotaryEmbedding', ['q', 'cos', 'sin', 'positions'], ['y'])], {'q': q['q'], 'positions': positions}, cache)
keep('rotary-23-part', 23, [N('RotaryEmbedding', ['q', 'cos', 'sin', 'positions'], ['y'], rotary_embedding_dim=4)], {'q': q['q'], 'positions': positions},
     {n: np.ascontiguousarray(v[:, :2]) for n, v in cache.items()})
keep('rms-23', 23, [N('RMSNormalization', ['x', 'scale'], ['y'], epsilon=1e-3)], {'x': f(2, 3, 4)}, {'scale': f(4)})
# As PyTorch's newer exporter writes x[:, 1:]: the greatest int64, which no double is, as the end.
last = 2**63 - 1
keep('slice-18-ints', 18, [N('Constant', [], ['start'], value_ints=[1]), N('Constant', [], ['end'], value_ints=[last]), N('Slice', ['x', 'start', 'end', 'start'], ['y'])],
     {'x': f(2, 4)})
keep('slice-18-int', 18, [N('Constant', [], ['end'], value_int=last), N('Constant', [], ['shape'], value_ints=[1]), N('Constant', [], ['start'], value_ints=[1]),
                          N('Reshape', ['end', 'shape'], ['ends']), N('Slice', ['x', 'start', 'ends', 'start'], ['y'])], {'x': f(2, 4)})
json.dump(cases, open(f'{out}/cases.json', 'w'))
