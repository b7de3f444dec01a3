"""Makes fixtures/quantized: encoders with convolutions and an LSTM that onnxruntime's dynamic quantization wrote, what they compute, and what the runtime's float kernels compute with the dequantized parameters.
usage: make-quantized.py OUT_FOLDER    (pip install torch onnx onnxruntime safetensors)
Checked with torch 2.15, onnxruntime 1.32."""
import os, sys, tempfile, warnings
import numpy as np, onnx, onnxruntime, torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import save_file
warnings.filterwarnings('ignore')

class Encoder(torch.nn.Module):
    def __init__(self, dims):
        super().__init__()
        Conv = torch.nn.Conv1d if dims == 1 else torch.nn.Conv2d
        self.patches = Conv(2, 6, 3, stride=2, padding=1)
        self.grouped = Conv(6, 8, 2, groups=2, bias=False)
        self.lstm = torch.nn.LSTM(8, 5, batch_first=True, bidirectional=True)
        self.out = torch.nn.Linear(10, 3)
    def forward(self, x):
        states, _ = self.lstm(torch.relu(self.grouped(self.patches(x))).flatten(2).transpose(1, 2))
        return self.out(states)

def matrices(path):
    """Float tensors of a quantized file under the names of the original one; an LSTM's are transposed back."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    for name in [name for name in values if name.endswith('_quantized')]:
        base = name.removesuffix('_quantized'); codes, scale, zero = (values[key].astype(np.float32) for key in (name, f'{base}_scale', f'{base}_zero_point'))
        lstm = any(name in node.input for node in onnx.load(path).graph.node if node.op_type == 'DynamicQuantizeLSTM')
        if lstm: codes = codes.transpose(0, 2, 1); scale, zero = (value.reshape(codes.shape[0], -1, 1) for value in (scale, zero))
        yield base.removesuffix('_Transposed'), (codes - zero) * scale

out = sys.argv[1]; os.makedirs(out, exist_ok=True)
for dims, per_channel in ((1, False), (2, True)):
    torch.manual_seed(2)
    model = Encoder(dims).eval(); x = torch.randn(2, 2, *([9] if dims == 1 else [7, 6]))
    name = f'encoder-{dims}d{"-per-channel" if per_channel else ""}'
    with tempfile.TemporaryDirectory() as temporary:
        plain, path = f'{temporary}/model.onnx', f'{out}/{name}.onnx'
        torch.onnx.export(model, (x,), plain, input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'batch', 2: 'length'}}, dynamo=False, opset_version=17)
        quantize_dynamic(plain, path, weight_type=QuantType.QUInt8 if not per_channel else QuantType.QInt8, per_channel=per_channel)
        graph = onnx.load(plain); by_name = dict(matrices(path))
        for tensor in graph.graph.initializer:
            if tensor.name in by_name: tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(by_name[tensor.name].reshape(tensor.dims)), tensor.name))
        quantized = onnx.load(path); del quantized.graph.value_info[:]; onnx.save(quantized, path)
        run = lambda model: onnxruntime.InferenceSession(model.SerializeToString()).run(None, {'x': x.numpy()})[0]
        y, of_file = run(graph), run(quantized)
    print(name, [n.op_type for n in quantized.graph.node if 'Integer' in n.op_type or 'LSTM' in n.op_type], sorted(by_name), 'the file itself', float(np.abs(y - of_file).max()), 'of', float(np.abs(y).max()))
    save_file({'x': x.contiguous(), 'y': torch.from_numpy(y), 'of_file': torch.from_numpy(of_file)}, f'{out}/{name}.safetensors')
