"""Makes fixtures/quantized: tiny random models that onnxruntime's own tools quantized to eight bits (`model_quantized.onnx` of transformers.js), an adapter of PEFT for each, and what PyTorch and PEFT compute with the dequantized parameters.
usage: make-quantized.py OUT_FOLDER [NAME ...]    (pip install torch transformers peft onnx onnxscript onnxruntime safetensors)
Checked with torch 2.15, transformers 5.24, peft 0.21.2, onnxruntime 1.32."""
import json, logging, os, sys, tempfile, warnings
import numpy as np, onnx, onnxruntime, torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
warnings.filterwarnings('ignore'); logging.disable(logging.WARNING)
bert = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, max_position_embeddings=12, num_labels=3)
types = {
    'bert': (AutoModelForSequenceClassification, 'SEQ_CLS', bert, ['query', 'value', 'dense']),
    # ReLU, which the quantization of activations takes the place of.
    'relu': (AutoModelForSequenceClassification, 'SEQ_CLS', {**bert, 'hidden_act': 'relu'}, ['query', 'value', 'dense']),
    'gpt2': (AutoModelForCausalLM, 'CAUSAL_LM', dict(n_embd=16, n_layer=1, n_head=2, n_positions=12), ['c_attn', 'c_proj', 'c_fc']),
    'qwen2': (AutoModelForCausalLM, 'CAUSAL_LM', dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, intermediate_size=40, max_position_embeddings=12), ['k_proj', 'o_proj', 'up_proj', 'down_proj', 'lm_head']),
    'llama': (AutoModelForCausalLM, 'CAUSAL_LM', dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, intermediate_size=40, max_position_embeddings=12), ['q_proj', 'v_proj', 'o_proj', 'down_proj']),
}
dynamic = {
    'int8': dict(weight_type=QuantType.QInt8),  # what transformers.js's converter asks for
    'uint8': dict(weight_type=QuantType.QUInt8, per_channel=True),
    'reduced': dict(weight_type=QuantType.QInt8, per_channel=True, reduce_range=True),
    'optimized': dict(weight_type=QuantType.QInt8, per_channel=True),  # and then by the runtime's optimizer: its fused operators
}
static = {
    'qdq': dict(quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True),
    'qdq-weights': dict(quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, extra_options=dict(AddQDQPairToWeight=True)),
    'products': dict(quant_format=QuantFormat.QOperator, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=['MatMul']),
    'qoperator': dict(quant_format=QuantFormat.QOperator, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8),
}
nbits = {
    'q4': dict(bits=4, is_symmetric=True),  # transformers.js's model_q4.onnx
    'q8': dict(bits=8, is_symmetric=False),
    'q4-qdq': dict(bits=4, is_symmetric=True, quant_format=QuantFormat.QDQ),
}
fixtures = [('bert', form) for form in ('int8', 'uint8', 'optimized', 'qdq', 'qoperator')] + [('relu', 'qdq-weights'), ('gpt2', 'int8'), ('llama', 'reduced')]
# From PyTorch's newer exporter, whose matrices have no names: quantization drops the modules that it writes at their products.
fixtures += [('bert-dynamo', 'qoperator'), ('gpt2-dynamo', 'int8'), ('llama-dynamo', 'uint8'), ('llama-dynamo', 'products'), ('llama-dynamo', 'q4'), ('llama-dynamo', 'q4-qdq'), ('qwen2-dynamo', 'q8')]

class Wrapper(torch.nn.Module):
    def __init__(self, model): super().__init__(); self.model = model
    def forward(self, input_ids, attention_mask): return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

class Reader(CalibrationDataReader):
    def __init__(self, feeds): self.feeds = iter([feeds])
    def get_next(self): return next(self.feeds, None)

def run(model, feeds, level='ORT_ENABLE_ALL', saved=None):
    options = onnxruntime.SessionOptions(); options.log_severity_level = 4
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    if saved: options.optimized_model_filepath = saved
    session = onnxruntime.InferenceSession(model if isinstance(model, str) else model.SerializeToString(), options)
    return session.run(['logits'], feeds)[0]

def tensors(path): return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}

def dequantized(path):
    """The float matrices of a dynamically quantized file, by their names in the original file."""
    values = tensors(path)
    for name in [name for name in values if name.endswith('_quantized')]:
        base = name.removesuffix('_quantized'); codes = values[name].astype(np.float32)
        matrix = (codes - values[f'{base}_zero_point'].astype(np.float32)) * values[f'{base}_scale']
        yield (base.removesuffix('_Transposed'), matrix.T) if base.endswith('_Transposed') else (base, matrix)

def dequantized_blocks(path):
    """The float matrices of a file of MatMulNBitsQuantizer, as `dequantized` has them."""
    model = onnx.load(path); values = tensors(path)
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == 'MatMulNBits':
            K, N, bits, size = (attributes[key] for key in ('K', 'N', 'bits', 'block_size'))
            blocks, half = -(-K // size), lambda x: np.stack([x & 15, x >> 4], -1).reshape(*x.shape[:-1], -1)
            codes = values[node.input[1]].reshape(N, blocks, -1); codes = half(codes) if bits == 4 else codes
            zero = values[node.input[3]].reshape(N, -1) if len(node.input) > 3 else np.full((N, blocks), 2 ** (bits - 1))
            if bits == 4 and len(node.input) > 3: zero = half(zero)[:, :blocks]
            matrix = (codes.astype(np.float32) - zero[..., None].astype(np.float32)) * values[node.input[2]].reshape(N, blocks, 1)
            yield node.input[1].rpartition('_Q')[0], matrix.reshape(N, -1)[:, :K].T
        elif node.op_type == 'DequantizeLinear':  # [K, N], blocks along K
            codes, scales = values[node.input[0]].astype(np.float32), values[node.input[1]]
            matrix = codes * np.repeat(scales, attributes['block_size'], 0)[:len(codes)]
            yield node.input[0].rpartition('_DQ_Q')[0], matrix

def put(model, original, matrices):
    """Gives a PyTorch model the dequantized matrices: a parameter is found by its values in the original file."""
    before = [(parameter, parameter.detach().numpy().copy()) for parameter in model.parameters()]
    for name, matrix in matrices:
        value = original[name]
        [(parameter, turned)] = [(p, turned) for p, x in before for turned in (False, True) if np.array_equal(x, value.T if turned else value)]
        with torch.no_grad(): parameter.copy_(torch.from_numpy(np.ascontiguousarray(matrix.T if turned else matrix)))

def on_numbers(path):
    """A statically quantized model that computes with float numbers: constants are dequantized, and each activation is cut to the range of its codes in place of being rounded."""
    model = onnx.load(path); graph = model.graph; values = tensors(path); nodes = []; numbers = {}
    def constant(name, value): graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name)); return name
    def cut(x, output, scale, zero):
        info = np.iinfo(values[zero].dtype)
        bounds = [constant(f'{output}.{code}', (np.float32(code) - np.float32(values[zero])) * values[scale]) for code in (info.min, info.max)]
        nodes.append(helper.make_node('Clip', [x, *bounds], [output])); numbers[output] = output
    def number(codes, scale, zero, axis=-1):
        """The float numbers of an operand."""
        if codes not in values: return numbers[codes]
        shape = [1] * values[codes].ndim; many = values[scale].size > 1
        if many: shape[axis] = -1
        reshape = lambda x: x.astype(np.float32).reshape(shape if many else ())
        return constant(f'{codes}.numbers.{len(graph.initializer)}', (values[codes].astype(np.float32) - (reshape(values[zero]) if zero else 0)) * reshape(values[scale]))
    simple = {'QLinearMatMul': 'MatMul', 'QLinearAdd': 'Add', 'QLinearMul': 'Mul', 'QLinearSigmoid': 'Sigmoid', 'QLinearSoftmax': 'Softmax'}
    for node in graph.node:
        i, o, attributes = list(node.input), node.output[0], {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == 'QuantizeLinear' and i[0] in values:
            values[o] = np.clip(np.rint(values[i[0]] / values[i[1]]) + values[i[2]], *(lambda r: (r.min, r.max))(np.iinfo(values[i[2]].dtype)))
        elif node.op_type == 'QuantizeLinear': cut(i[0], o, i[1], i[2])
        elif node.op_type == 'DequantizeLinear': nodes.append(helper.make_node('Identity', [number(*i[:3], *([''] if len(i) < 3 else []), axis=attributes.get('axis', 1))], [o]))
        elif node.op_type in simple:
            operands = [number(*i[at:at + 3]) for at in range(0, len(i) - 2, 3)]
            nodes.append(helper.make_node(simple[node.op_type], operands, [f'{o}.before'], **({'axis': attributes['axis']} if 'axis' in attributes else {}))); cut(f'{o}.before', o, *i[-2:])
        elif node.op_type == 'QGemm':
            scales = constant(f'{o}.scales', values[i[1]] * values[i[4]]); values[scales] = values[i[1]] * values[i[4]]
            nodes.append(helper.make_node('Gemm', [number(*i[:3]), number(*i[3:6]), number(i[6], scales, '')], [f'{o}.before'], **attributes)); cut(f'{o}.before', o, *i[7:9])
        else:
            nodes.append(node)
            if i and i[0] in values and f'{values[i[0]].dtype}' in ('int8', 'uint8') and node.op_type == 'Gather':
                reader = next(list(n.input) for n in graph.node if o in n.input); scale, zero = reader[reader.index(o) + 1:reader.index(o) + 3]
                node.input[0] = number(i[0], scale, zero); numbers[o] = o
            elif i and i[0] in numbers: numbers[o] = o
    del graph.node[:]; graph.node.extend(nodes)
    return model

out, only = sys.argv[1], sys.argv[2:]
for kind, form in fixtures:
    name = f'{kind}-{form}'
    if only and name not in only: continue
    torch.manual_seed(5)
    Auto, task_type, sizes, targets = types[kind.removesuffix('-dynamo')]
    exporter = 'dynamo' if kind.endswith('-dynamo') else 'torchscript'
    model_type = 'bert' if kind == 'relu' else kind.removesuffix('-dynamo')
    config = AutoConfig.for_model(model_type, **{'vocab_size': 24, 'pad_token_id': 0, 'tie_word_embeddings': False, **sizes})
    for dropout in [key for key in config.to_dict() if 'drop' in key and isinstance(getattr(config, key), float)]: setattr(config, dropout, 0.0)
    config.use_cache = False
    model = Auto.from_config(config, attn_implementation='eager').eval()
    with torch.no_grad():
        for p in model.parameters(): p.add_(0.2 * torch.randn_like(p))
    ids = torch.randint(3, 24, (3, 7)); lengths = torch.tensor([7, 4, 5]); mask = (torch.arange(7)[None] < lengths[:, None]).long(); ids = ids * mask
    inputs = {'input_ids': ids, 'attention_mask': mask}; feeds = {key: value.numpy() for key, value in inputs.items()}
    folder = f'{out}/{name}'; os.makedirs(folder, exist_ok=True); path = f'{folder}/model_quantized.onnx'
    with tempfile.TemporaryDirectory() as temporary:
        plain = f'{temporary}/model.onnx'
        if exporter == 'dynamo':
            shapes = {key: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for key in inputs}
            torch.onnx.export(model, (), plain, kwargs=inputs, input_names=list(inputs), output_names=['logits'], dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
        else: torch.onnx.export(Wrapper(model), (ids, mask), plain, input_names=list(inputs), output_names=['logits'], dynamic_axes={key: {0: 'batch', 1: 'sequence'} for key in inputs}, dynamo=False, opset_version=17)
        expected = dict(inputs)
        if form in dynamic or form in nbits:
            if form in dynamic: quantize_dynamic(plain, path, **dynamic[form])
            else:
                quantizer = MatMulNBitsQuantizer(onnx.load(plain), block_size=16, **nbits[form]); quantizer.process(); quantizer.model.save_model_to_file(path)
            matrices = list(dequantized(path) if form in dynamic else dequantized_blocks(path)); original = tensors(plain); put(model, original, matrices)
            if form == 'optimized': run(path, feeds, 'ORT_ENABLE_EXTENDED', f'{temporary}/optimized.onnx'); os.replace(f'{temporary}/optimized.onnx', path)
            # The runtime's float kernels with the dequantized matrices.
            graph = onnx.load(plain); by_name = dict(matrices)
            for tensor in graph.graph.initializer:
                if tensor.name in by_name: tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(by_name[tensor.name]), tensor.name))
            expected['logits'] = torch.from_numpy(run(graph, feeds))
        else:
            quantize_static(plain, path, Reader(feeds), **static[form])
            expected['logits'] = torch.from_numpy(run(on_numbers(path), feeds))
        expected['of_file'] = torch.from_numpy(run(path, feeds))
    quantized = onnx.load(path); del quantized.graph.value_info[:]
    for node in quantized.graph.node:  # what the tests do not need
        for prop in [prop for prop in node.metadata_props if not prop.key.endswith('name_scopes')]: node.metadata_props.remove(prop)
        node.ClearField('doc_string')
    onnx.save(quantized, path)
    peft = get_peft_model(model, LoraConfig(task_type=task_type, r=2, lora_alpha=4, target_modules=targets)).eval()
    with torch.no_grad():
        for p in peft.parameters():
            if p.requires_grad: p.add_(0.2 * torch.randn_like(p))
    if form in dynamic or form in nbits:
        logits = peft(**inputs).logits
        labels = torch.tensor([0, 2, 1]) if task_type == 'SEQ_CLS' else torch.cat([ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100), torch.full((3, 1), -100)], 1)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten()); loss.backward()
        expected |= {'adapted': logits.detach(), 'labels': labels, 'loss': loss.detach()}
        expected |= {f'grad.{n.replace(".default", "").replace(".modules_to_save", "")}': p.grad for n, p in peft.named_parameters() if p.requires_grad}
        with torch.no_grad(), peft.disable_adapter(): print(name, 'PyTorch and the runtime', float((peft(**inputs).logits[mask.bool()] - expected['logits'][mask.bool()]).abs().max()) if task_type == 'CAUSAL_LM' else float((model(**inputs).logits - expected['logits']).abs().max()))
    peft.save_pretrained(f'{folder}/adapter'); os.remove(f'{folder}/adapter/README.md')
    linear = sorted(n.replace('base_model.model.', '').replace('.base_layer', '') for n, m in peft.named_modules() if (isinstance(m, torch.nn.Linear) or type(m).__name__ == 'Conv1D') and 'lora_' not in n and 'original_module' not in n)
    with open(f'{folder}/config.json', 'w') as file: json.dump({'model_type': model_type, 'architectures': [Auto.from_config(config).__class__.__name__], 'bits': nbits[form]['bits'] if form in nbits else 8, 'linear': sorted({n.replace('.modules_to_save.default', '') for n in linear})}, file)
    save_file({key: value.contiguous() for key, value in expected.items()}, f'{folder}/expected.safetensors')
    print(name, 'the file itself', float((expected['of_file'] - expected['logits']).abs().max()), 'of', float(expected['logits'].abs().max()), flush=True)
