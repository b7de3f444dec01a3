"""Makes fixtures/classifiers: classifiers of a few numbers as other tools write them, and what ONNX Runtime computes with them.
usage: make-classifiers.py OUT_FOLDER    (pip install onnx onnxruntime numpy)"""
import json, os, sys, numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
out = sys.argv[1]; os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(5)
table, dense, head = (rng.normal(size=size).astype(np.float32) for size in [(16, 8), (8, 32), (32, 3)])
ids = np.array([[0, 4, 5, 6, 1], [0, 7, 8, 1, 2], [0, 9, 1, 2, 2]]); lengths = [5, 4, 3]
mask = (np.arange(5)[None] < np.array(lengths)[:, None]).astype(np.int64)

def classifier(kind=T.INT64, names=('input_ids', 'attention_mask'), outputs=('logits',), opset=17, act='Relu', dims=('batch', 'sequence'), float_type=T.FLOAT):
    """logits = act(sum of the real tokens' rows W1) W2"""
    dtype = {T.FLOAT: np.float32, T.FLOAT16: np.float16}[float_type]
    inits = [nh.from_array(v.astype(dtype), n) for n, v in (('table', table), ('dense', dense), ('head', head))]
    nodes = [h.make_node('Gather', ['table', names[0]], ['rows'])]
    rows = 'rows'
    if len(names) > 1:
        inits.append(nh.from_array(np.array([2]), 'last'))
        nodes += [h.make_node('Cast', [names[1]], ['real'], to=float_type), h.make_node('Unsqueeze', ['real', 'last'], ['weights']), h.make_node('Mul', ['rows', 'weights'], ['masked'])]
        rows = 'masked'
    inits.append(nh.from_array(np.array([1]), 'axis'))
    nodes += [h.make_node('ReduceSum', [rows, 'axis'], ['sum'], keepdims=0), h.make_node('MatMul', ['sum', 'dense'], ['hidden']),
              h.make_node(act, ['hidden'], ['active'], domain='com.microsoft' if act == 'QuickGelu' else ''), h.make_node('MatMul', ['active', 'head'], [outputs[0]])]
    values = [h.make_tensor_value_info(n, kind, list(dims)) for n in names]
    results = [h.make_tensor_value_info(outputs[0], float_type, [dims[0], 3])] + [h.make_tensor_value_info(n, float_type, [dims[0], dims[1], 8]) for n in outputs[1:]]
    if len(outputs) > 1: nodes.append(h.make_node('Identity', ['rows'], [outputs[1]]))
    graph = h.make_graph(nodes, 'classifier', values, results, inits)
    return h.make_model(graph, opset_imports=[h.make_opsetid('', opset), h.make_opsetid('com.microsoft', 1)], ir_version=9)

def run(path, names=('input_ids', 'attention_mask'), dtype=np.int64, alone=False, output=0):
    session = ort.InferenceSession(path)
    feeds = lambda i, l: {n: v[i, :l].astype(dtype) for n, v in zip(names, (ids, mask))}
    if alone: return np.concatenate([session.run(None, feeds(slice(r, r + 1), l))[output] for r, l in enumerate(lengths)])
    return session.run(None, feeds(slice(None), 5))[output]

class Reader(CalibrationDataReader):
    def __init__(self): self.rows = iter([{'input_ids': ids, 'attention_mask': mask}])
    def get_next(self): return next(self.rows, None)

expected = {}
def keep(name, model=None, **options):
    path = f'{out}/{name}.onnx'
    if model is not None: onnx.save(model, path)
    expected[name] = run(path, **options).astype(np.float32).ravel().tolist()
U8 = ort.quantization.QuantType.QUInt8  # products of signed weights saturate on processors without VNNI
plain = f'{out}/plain.onnx'
keep('plain', classifier())
quantize_dynamic(plain, f'{out}/dynamic.onnx', weight_type=U8); keep('dynamic')
quantize_static(plain, f'{out}/qdq.onnx', Reader(), quant_format=QuantFormat.QDQ, activation_type=U8, weight_type=U8); keep('qdq')
quantize_static(plain, f'{out}/qoperator.onnx', Reader(), quant_format=QuantFormat.QOperator, activation_type=U8, weight_type=U8); keep('qoperator')
keep('fused', classifier(act='QuickGelu'))
keep('float16', classifier(float_type=T.FLOAT16))
keep('int32', classifier(kind=T.INT32), dtype=np.int32)
keep('ids-only', classifier(names=('input.1',)), names=('input.1',), alone=True)
keep('tensorflow-names', classifier(names=('input_word_ids:0', 'input_mask:0')), names=('input_word_ids:0', 'input_mask:0'))
keep('second-output', classifier(outputs=('output_0', 'hidden_states')))
keep('fixed', classifier(dims=(3, 5)))
shapeless = classifier(); shapeless.graph.output[0].type.tensor_type.ClearField('shape'); keep('shapeless', shapeless)
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
four = MatMulNBitsQuantizer(onnx.load(plain), block_size=16, is_symmetric=True); four.process(); onnx.save(four.model.model, f'{out}/nbits.onnx'); keep('nbits')
onnx.save(classifier(), f'{out}/external.onnx', save_as_external_data=True, location='external.bin', size_threshold=64); keep('external')
json.dump({'ids': [row[:n].tolist() for row, n in zip(ids, lengths)], 'expected': expected}, open(f'{out}/expected.json', 'w'))
