// The option quantization beside those of opening a base, which have one too.

import { ConfigError } from '../errors.ts'
import type { OnnxModelOptions } from '../onnx/open-options.ts'
import type { Quantization } from '../onnx/quantization.ts'

/** @throws {ConfigError} where both say how the base is quantized. */
export function openWith(
  where: string,
  open: OnnxModelOptions = {},
  quantization: Quantization | undefined,
): OnnxModelOptions {
  if (!quantization) return open
  if (open.quantization === undefined) return { ...open, quantization }
  throw new ConfigError({
    where: `${where}, option quantization`,
    what: 'open has one too',
    fix: 'Leave one of them out.',
  })
}
