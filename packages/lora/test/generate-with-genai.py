"""Goes on with token ids, greedily, by onnxruntime-genai, from folders that `export` and `exportAdapters` wrote, and reads
files of adapters with onnxruntime's own reader. Standard input: {"runs": [{"folder", "prompt", "count", "adapter"?}],
"adapters": [path]} in JSON; standard output: {"tokens": [[id]], "adapters": [{name: {"shape", "values"}}]}.

Usage: python generate-with-genai.py < TASK  (onnxruntime-genai, which brings onnxruntime)
Checked with onnxruntime-genai 0.18, onnxruntime 1.32."""

import json
import sys
from pathlib import Path

import onnxruntime_genai as genai
from onnxruntime import AdapterFormat


def generate(folder, prompt, count, adapter=None):
    model = genai.Model(folder)
    options = genai.GeneratorParams(model)
    options.set_search_options(max_length=len(prompt) + count, do_sample=False)
    generator = genai.Generator(model, options)
    if adapter is not None:
        adapters = genai.Adapters(model)
        adapters.load(str(Path(folder) / "adapters" / f"{adapter}.onnx_adapter"), adapter)
        generator.set_active_adapter(adapters, adapter)
    generator.append_tokens(prompt)
    while not generator.is_done():
        generator.generate_next_token()
    return generator.get_sequence(0)[len(prompt) :].tolist()


def read(path):
    parameters = AdapterFormat.read_adapter(path).get_parameters()
    arrays = {name: value.numpy() for name, value in parameters.items()}
    return {name: {"shape": array.shape, "values": array.ravel().tolist()} for name, array in arrays.items()}


if __name__ == "__main__":
    task = json.load(sys.stdin)
    answers = {
        "tokens": [generate(**run) for run in task.get("runs", [])],
        "adapters": [read(path) for path in task.get("adapters", [])],
    }
    print(json.dumps(answers))
