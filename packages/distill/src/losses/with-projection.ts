// A learned projection between hidden states of different widths (Romero et al. 2015, FitNets).

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, integer, requireOptions, text, whole } from '@cola/graph/options'
import { random } from '@cola/data'
import { addInitializer, build, cloneGraph, float32, getValue, GraphError, type Model } from '@cola/graph'

/** Options of a trainable projection from the student's width to the teacher's. */
export interface ProjectionOptions {
  /** Value of the student's graph, [batch, width of the student]. @default 'hidden' */
  hidden?: string
  /** Width of the teacher's hidden states. */
  width: number
  /** Name of the projected value, which a loss reads. @default 'projected_hidden' */
  output?: string
  /** Seed of the matrix's first values. @default 0 */
  seed?: number
}

const checks: Checks<ProjectionOptions> = { hidden: text, width: whole(1, 2 ** 20), output: text, seed: integer }

/**
 * A copy of the model that also computes `output` = hidden W', with W [width, hidden width] trainable under the name
 * `OUTPUT.weight`.
 * Drop W after training: no logit depends on it.
 * @throws {GraphError} when the hidden states are not rows of a known width.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function withProjection(model: Model, options: ProjectionOptions): Model {
  checkOptions('withProjection', options, checks)
  requireOptions('withProjection', options, checks, ['width'])
  requireKind('withProjection, model', model, 'model')
  const { hidden = 'hidden', width, output = 'projected_hidden', seed = 0 } = options
  const graph = cloneGraph(model.graph)
  const states = getValue(graph, hidden)
  const inner = states.shape.at(-1)
  if (states.shape.length !== 2 || typeof inner !== 'number')
    throw new GraphError({
      where: `value "${hidden}"`,
      what: 'not rows of a known width',
      found: `[${states.shape.join(', ')}]`,
    })
  const stream = random(seed, 'projection', output)
  const bound = 1 / Math.sqrt(inner)
  const name = `${output}.weight`
  const weight = addInitializer(
    graph,
    name,
    float32(
      [width, inner],
      Float32Array.from({ length: width * inner }, () => (2 * stream.uniform() - 1) * bound),
    ),
  )
  build(graph).node('Gemm', [states, weight], { outputs: [output], attributes: { transB: 1 } })
  return { ...model, graph, trainable: new Set([...model.trainable, name]) }
}
