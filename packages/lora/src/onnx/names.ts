// transformers' parameter names and layouts for an exported model, so that PEFT's adapters fit it as it is.

import { type Graph, renameValues } from '@cola/graph'
import { embeddingLayers } from '../inject/embedding.ts'
import { hasSubmodules, linearLayers, moduleOf } from '../inject/linear.ts'
import { asLinear, oneMatrix, ownVectors } from './layout.ts'
import { baseModelPath } from './prefixes.ts'

/** Modules that transformers puts beside the base model, not into it. */
const heads =
  /^(score|classifier|pre_classifier|classification_head|qa_outputs|lm_head|embed_out|cls|vocab_\w+|generator_\w+|discriminator_\w+)(\.|$)/

/** A parameter's name; exporters' own constants (`onnx::MatMul_12`, `val_3`) have none. */
const isParameter = (name: string): boolean =>
  /^\w[\w.-]*[._](weight|bias)$/.test(name) && !name.startsWith('constant.')

const split = (path: string): string[] => path.split('.').filter(Boolean)

/** How many parts two paths have in common, from the front. */
function common(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((part, i) => part !== b[i])
  return differs < 0 ? a.length : differs
}

/**
 * Path of the module that holds the token embeddings and the numbered layers: `bert`, `model.model`, `0.auto_model`; ''
 * where they lie at the top. Undefined where a graph has no such embeddings.
 */
export function basePathOf(graph: Graph): string | undefined {
  const embeddings = embeddingLayers(graph).flatMap(({ module, node }) => [module, node.scope ?? module])
  return mostCommon(embeddings, [...graph.initializers.keys()].filter(isParameter).map(moduleOf))
}

/** The same by what the exporter noted with nodes, which may have other wrappers. */
const noted = (graph: Graph): string[] => graph.nodes.flatMap(({ scope }) => scope ?? [])
const basePathOfNodes = (graph: Graph): string | undefined =>
  mostCommon(
    embeddingLayers(graph).flatMap(({ node }) => node.scope ?? []),
    noted(graph),
  )

/**
 * The path that most pairs of an embedding and a module of a numbered layer have in common: of tied matrices an
 * exporter may keep the head's name.
 */
function mostCommon(embeddings: readonly string[], modules: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const embedding of new Set(embeddings)) {
    const path = split(embedding)
    for (const module of modules.map(split)) {
      const shared = common(path, module)
      if (shared === path.length || !module.slice(shared).some((part) => /^\d+$/.test(part))) continue
      const base = path.slice(0, shared).join('.')
      counts.set(base, (counts.get(base) ?? 0) + 1)
    }
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || b.length - a.length)[0]?.[0]
}

/** Whether a module is no part of the base model: a head, or the pooler that only heads read. */
export function isHeadModule(module: string, base: string): boolean {
  if (base !== '' && module !== base && !module.startsWith(`${base}.`)) return true
  const rest = base === '' ? module : module.slice(base.length + 1)
  return /^pooler(\.|$)/.test(rest) || (base === '' && heads.test(rest))
}

/** New path of a module, given where the export has the base model and where transformers has it. */
export function canonicalPath(module: string, found: string, wanted: string): string {
  const [from, to] = [split(found), split(wanted)]
  // How much of the wanted path the export has already: what lies before it is a wrapper's.
  const kept = [...to.keys(), to.length]
    .reverse()
    .find((n) => from.length >= n && from.slice(from.length - n).join('.') === to.slice(to.length - n).join('.'))
  const outer = from.slice(0, from.length - (kept ?? 0))
  const wrapper = kept === to.length ? outer : outer.slice(0, -1)
  const parts = split(module)
  if (from.length === 0 && heads.test(module)) return module
  if (common(from, parts) === from.length) return [...to, ...parts.slice(from.length)].join('.')
  return (common(wrapper, parts) === wrapper.length ? parts.slice(wrapper.length) : parts).join('.')
}

/**
 * The path in transformers of what the export has at `found`: a type that is not known keeps its own prefix, and
 * decoders that answer questions have theirs.
 */
function wantedPath({ initializers }: Graph, found: string, model_type: string): string {
  const last = split(found).at(-1)
  const usual = baseModelPath(model_type)
  const answers =
    usual === 'model' &&
    last === 'transformer' &&
    [...initializers.keys()].some((name) => split(name).includes('qa_outputs'))
  return answers || last === model_type.replaceAll('-', '_') ? (last as string) : usual
}

/** The module of its second call, which the older exporter names `query_1`. */
function calledModule(module: string, known: ReadonlySet<string | undefined>): string {
  const first = module.replace(/_\d+$/, '')
  return known.has(first) ? first : module
}

/** Matrices of embeddings that the exporter named after a head that shares them, and their names by its note. */
const lookups = (graph: Graph, base: string, pathOf: (module: string) => string): [string, string][] =>
  embeddingLayers(graph).flatMap(({ node: { scope }, module, weight }) =>
    scope?.startsWith(`${base}.`) && isHeadModule(pathOf(module), base) && !hasSubmodules(graph, scope)
      ? [[weight, `${scope}.weight`]]
      : [],
  )

/**
 * Gives, in place, a graph's parameters the names that transformers gives them: wrappers dropped, the base model's
 * prefix added where it is missing, heads beside it. Matrices that the exporter called `onnx::MatMul_12` get their
 * module's name and nn.Linear's layout [out, in]. Other constants keep their names. Nodes say under `scope` which
 * module they are of, and the graph's metadata what type the model is.
 */
export function canonicalize(graph: Graph, model_type: string): void {
  graph.metadata.model_type = model_type
  const [ofParameters, ofNodes] = [basePathOf(graph), basePathOfNodes(graph)]
  const found = ofParameters ?? ofNodes ?? ''
  const wanted = wantedPath(graph, found, model_type)
  const pathOf = (module: string) => canonicalPath(module, found, wanted)
  const known = new Set(noted(graph))
  graph.nodes = graph.nodes.map((node) =>
    node.scope === undefined
      ? node
      : { ...node, scope: canonicalPath(calledModule(node.scope, known), ofNodes ?? found, wanted) },
  )
  const names = new Map(lookups(graph, wanted, pathOf))
  for (const name of graph.initializers.keys())
    if (isParameter(name) && !names.has(name)) names.set(name, `${pathOf(moduleOf(name))}.${name.split('.').at(-1)}`)
  renameFree(graph, names)
  const made = linearLayers(graph).filter(({ module, weight }) => !isParameter(weight) && module !== weight)
  renameFree(graph, new Map(made.map(({ module, weight }) => [weight, `${module}.weight`])))
  asLinear(graph, new Set(made.map(({ module }) => `${module}.weight`)))
  oneMatrix(graph)
  ownVectors(graph)
}

/** Gives values the names that are free; where two want one, the first has it. */
function renameFree(graph: Graph, wanted: ReadonlyMap<string, string>): void {
  const names = new Map([...wanted].filter(([from, to]) => from !== to))
  for (let clashing = names.size; clashing > 0; ) {
    const taken = new Set([...graph.values.keys()].filter((name) => !names.has(name)))
    clashing = 0
    for (const [from, to] of names) {
      if (taken.has(to)) clashing += Number(names.delete(from))
      taken.add(to)
    }
  }
  renameValues(graph, names)
}
