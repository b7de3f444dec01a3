// @cola/graph: reads, writes, builds, differentiates and rewrites ONNX graphs. No runtime, no I/O.

export {
  ColaError,
  ConfigError,
  FormatError,
  GraphError,
  type Problem,
  ShapeError,
  UnsupportedOperatorError,
} from './errors.ts'
export { differentiate, type DifferentiateOptions } from './grad/differentiate.ts'
export type { GradientRule, Rule, RuleContext } from './grad/rule.ts'
export { gradientRules } from './grad/rules.ts'
export { addDims, type Dim, dimSymbols, divDims, evaluateDim, mulDims, parseDim } from './ir/dim.ts'
export {
  addInitializer,
  addInput,
  type Attribute,
  type Attributes,
  type AttributeType,
  cloneGraph,
  createGraph,
  formatValue,
  type Graph,
  type Node,
  opset,
  refineShape,
  type Shape,
  uniqueName,
  type Value,
  getValue,
  type ValueType,
} from './ir/graph.ts'
export type { Loss, MeanOver, Model } from './ir/model.ts'
export { consumersOf, producersOf } from './ir/uses.ts'
export { readOutline } from './onnx/outline.ts'
export { decodeGraph, type ReadOptions } from './onnx/read.ts'
export { readGraph } from './onnx/read-graph.ts'
export { type ExternalData, type ExternalLocation, externalLocations } from './onnx/tensor.ts'
export { externalChunks, layoutExternal, writeModel } from './onnx/write.ts'
export type { NodeOptions } from './ops/add-node.ts'
export { build, type Builder, type OperatorArguments } from './ops/build.ts'
export { checkTypes } from './ops/check.ts'
export {
  cast,
  dropout,
  isClass,
  joinRows,
  normalizeRows,
  oneHot,
  scalarLike,
  scale,
  splitRows,
  transposeMatrix,
} from './ops/composite.ts'
export { type OperatorName, operators } from './ops/index.ts'
export type { AttributeRow, InferContext, Operator, OutputType } from './ops/operator.ts'
export { int8Products } from './rewrite/int8-products.ts'
export { deviceIntegers } from './rewrite/device-integers.ts'
export { float16Matrices } from './rewrite/float16-matrices.ts'
export { fewerKernels } from './rewrite/fewer-kernels.ts'
export { shortVectors } from './rewrite/short-vectors.ts'
export { foldLinear } from './rewrite/fold-linear.ts'
export { type LinearNode, linearNodes } from './rewrite/linear-nodes.ts'
export { type Pass, runPasses, withoutUnused } from './rewrite/pass.ts'
export { lower } from './rewrite/lower.ts'
export { joinProducts } from './rewrite/join-products.ts'
export { packMatrices } from './rewrite/pack-matrices.ts'
export { prune } from './rewrite/prune.ts'
export { inferModel, type InferOptions, readModel, type ReadModelOptions } from './rewrite/read-model.ts'
export { checkpoints, recompute, type RecomputeOptions } from './rewrite/recompute.ts'
export { renameValues } from './rewrite/rename-values.ts'
export { replaceProducer, rewriteOutputs } from './rewrite/rewrite-outputs.ts'
export { foldReshapes } from './rewrite/fold-reshapes.ts'
export { forInference } from './rewrite/for-inference.ts'
export { runtimeNormalizations } from './rewrite/runtime-normalizations.ts'
export { inPieces } from './rewrite/in-pieces.ts'
export { runAfterGradients, turns } from './rewrite/run-after-gradients.ts'
export { rowsAt } from './rewrite/rows-at.ts'
export { joinShapes } from './rewrite/join-shapes.ts'
export { joinSharedInputs } from './rewrite/join-shared-inputs.ts'
export { simplify } from './rewrite/simplify.ts'
export { sumByProduct } from './rewrite/sum-by-product.ts'
export { foldTransposes } from './rewrite/fold-transposes.ts'
export { storeWeights, type WeightType } from './rewrite/store-weights.ts'
export { widen } from './rewrite/widen.ts'
export { withoutSegments, withSegments } from './rewrite/with-segments.ts'
export { cachesOf, statesOf, withoutCache } from './rewrite/without-cache.ts'
export { type DataType, type DataTypeRow, dataTypes, type TypedArray } from './tensor/dtype.ts'
export {
  float16ToFloat32,
  float32ToFloat16,
  numberToFloat16,
} from './tensor/float16.ts'
export { packedTensor } from './tensor/packed-matrix.ts'
export { quantizeProducts, type QuantizeProductsOptions } from './rewrite/quantize-products.ts'
export { rowsOf, stackRows, transposeTensor } from './tensor/rows.ts'
export { concatenateChunks } from './tensor/concatenate-chunks.ts'
export {
  parseSafetensors,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsFile,
  type SafetensorsHeader,
  safetensorsChunks,
  safetensorsHeaderLength,
  serializeSafetensors,
} from './tensor/safetensors.ts'
export {
  asFloat32,
  byteLength,
  elementCount,
  elements,
  float32,
  type PackedMatrix,
  type Tensor,
  tensor,
  tensorOf,
  toFloat32,
  toNumbers,
} from './tensor/tensor.ts'
