// @cola/lora: GPT-2 and LoRA adapters.

export { type Adapter, adapterConfigJson, adapterTensors, loadAdapter, readAdapter, writeAdapter } from './adapter/files.ts'
export { AdapterError, ConfigError, WeightsError } from './errors.ts'
export { type Gpt2Config, labelCount, parseGpt2Config } from './gpt2/config.ts'
export { gpt2, type Gpt2Options, withPaddedInputs } from './gpt2/graph.ts'
export { type Gpt2Head, gpt2Parameters, gpt2Shapes, type Parameters, randomGpt2 } from './gpt2/parameters.ts'
export { type LoraConfig, parseLoraConfig, reportConfig } from './inject/config.ts'
export { countParameters, formatParameters, millions, type ParameterCount } from './inject/count.ts'
export { linearLayers, lora, type LoraModel, type LoraTarget, withParameters } from './inject/lora.ts'
export { merge, type MergedModel, unmerge } from './inject/merge.ts'
export { exportClassifier, type ExportOptions } from './classify/export.ts'
export { loadPretrained, type Pretrained, type PretrainedOptions } from './load/pretrained.ts'
