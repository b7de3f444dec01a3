// Adapters as training would leave them, for tests: every trainable parameter moved at random.

import { random } from '@cola/data'
import { float32, type Model, type Tensor, toFloat32 } from '@cola/graph'
import { withParameters } from '@cola/lora'

/** The model with normal noise on each trainable parameter. */
export function moved<M extends Model>(model: M, seed: number, deviation = 0.1): M {
  const stream = random(seed, 'moved')
  const values = [...model.trainable].map((name): [string, Tensor] => {
    const value = model.graph.initializers.get(name) as Tensor
    return [
      name,
      float32(
        value.dims,
        toFloat32(value).map((x) => x + deviation * stream.normal()),
      ),
    ]
  })
  return withParameters(model, new Map(values))
}
