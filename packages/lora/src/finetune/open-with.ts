// The option quantization beside those of opening a base, which have one too.

import type { OnnxModelOptions } from '../onnx/open-options.ts'
import type { Quantization } from '../onnx/quantization.ts'

/** @throws {ConfigError} where both say how the base is quantized. */
export async function openWith(
  where: string,
  open: OnnxModelOptions = {},
  quantization: Quantization | null | undefined,
): Promise<OnnxModelOptions> {
  if (quantization === undefined) return open
  if (open.quantization !== undefined) throw (await import('./two-configurations.ts')).twoQuantizations(where)
  return { ...open, quantization }
}
