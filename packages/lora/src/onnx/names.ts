// Gives an exported model transformers' parameter names and layouts, so that PEFT's adapters fit it.

import { requireKind } from '@cola/graph/door'
import { type Graph, type Node, renameValues } from '@cola/graph'
import { embeddingLayers, isLookup } from '../inject/embedding.ts'
import { hasSubmodules, linearLayers, moduleOf } from '../inject/linear.ts'
import { builderModule, builderName } from './builder-names.ts'
import { asEmbedding, asLinear, oneMatrix, ownVectors } from './layout.ts'
import {
  basePathOf,
  basePathOfNodes,
  commonLength,
  heads,
  isHeadModule,
  isParameter,
  scopes,
  split,
} from './module-paths.ts'
import { restoreScopes } from './lost-scopes.ts'
import { restoreModules } from './packed.ts'
import { baseModelPath } from './prefixes.ts'

/**
 * transformers' path of a module.
 * @param exported Path of the base model in the export.
 * @param canonical Path of the base model in transformers.
 */
export function canonicalPath(module: string, exported: string, canonical: string): string {
  const [from, to] = [split(exported), split(canonical)]
  // Number of parts of the canonical path that the export has; the parts before them belong to a wrapper.
  const kept = [...to.keys(), to.length]
    .reverse()
    .find((n) => from.length >= n && from.slice(from.length - n).join('.') === to.slice(to.length - n).join('.'))
  const outer = from.slice(0, from.length - (kept ?? 0))
  const wrapper = kept === to.length ? outer : outer.slice(0, -1)
  const parts = split(module)
  if (from.length === 0 && heads.test(module)) return module
  if (commonLength(from, parts) === from.length) return [...to, ...parts.slice(from.length)].join('.')
  return (commonLength(wrapper, parts) === wrapper.length ? parts.slice(wrapper.length) : parts).join('.')
}

/**
 * The path of the base model in transformers. An unknown type keeps the prefix of the export, and decoders for question
 * answering have `transformer`.
 */
function canonicalBase({ initializers }: Graph, exported: string, model_type: string): string {
  const last = split(exported).at(-1)
  const usual = baseModelPath(model_type)
  const isQuestionAnswering =
    usual === 'model' &&
    last === 'transformer' &&
    [...initializers.keys()].some((name) => split(name).includes('qa_outputs'))
  return isQuestionAnswering || last === model_type.replaceAll('-', '_') ? (last as string) : usual
}

/** The module of a scope; the TorchScript exporter names the second call of `query` `query_1`. */
function calledModule(module: string, known: ReadonlySet<string | undefined>): string {
  const first = module.replace(/_\d+$/, '')
  return known.has(first) ? first : module
}

/** Types whose layers are transformers' Conv1D: their matrices are [in, out] there, and in PEFT's adapters. */
const conv1d: ReadonlySet<string> = new Set(['gpt2', 'openai-gpt', 'imagegpt', 'decision_transformer'])

/** Matrices of embeddings that the exporter named after a tied head, with the names by the scopes of their lookups. */
const embeddingNames = (graph: Graph, base: string, pathOf: (module: string) => string): [string, string][] =>
  embeddingLayers(graph).flatMap(({ node: { scope }, module, weight }) =>
    scope?.startsWith(`${base}.`) && isHeadModule(pathOf(module), base) && !hasSubmodules(graph, scope)
      ? [[weight, `${scope}.weight`]]
      : [],
  )

/**
 * Renames a graph's parameters to transformers' names, in place: drops wrappers, adds the base model's prefix where it
 * is missing, and puts heads beside the base model. Matrices that the exporter named `onnx::MatMul_12` get their
 * module's name, and matrices of modules have nn.Linear's layout [out, in]. Other constants keep their names. The
 * `scope` of nodes becomes transformers' module path, and `model_type` of the graph's metadata is set.
 */
export function canonicalize(graph: Graph, model_type: string): void {
  requireKind('canonicalize, graph', graph, 'graph')
  graph.metadata.model_type = model_type
  asEmbedding(graph)
  nameTables(graph)
  const matrices = renameBuilders(graph, model_type)
  restoreScopes(graph, model_type)
  const [ofParameters, ofNodes] = [basePathOf(graph), basePathOfNodes(graph)]
  const exported = ofParameters ?? ofNodes ?? ''
  const canonical = canonicalBase(graph, exported, model_type)
  const pathOf = (module: string) => canonicalPath(module, exported, canonical)
  const known = new Set(scopes(graph))
  graph.nodes = graph.nodes.map((node) =>
    node.scope === undefined
      ? node
      : { ...node, scope: canonicalPath(calledModule(node.scope, known), ofNodes ?? exported, canonical) },
  )
  const names = new Map(embeddingNames(graph, canonical, pathOf))
  for (const name of graph.initializers.keys())
    if (isParameter(name) && !names.has(name)) names.set(name, `${pathOf(moduleOf(name))}.${name.split('.').at(-1)}`)
  renameFree(graph, names)
  const unnamed = linearLayers(graph).filter(({ module, weight }) => !isParameter(weight) && module !== weight)
  renameFree(graph, new Map(unnamed.map(({ module, weight }) => [weight, `${module}.weight`])))
  const ofModules = unnamed.map(({ module }) => `${module}.weight`)
  asLinear(graph, new Set([...matrices, ...ofModules, ...(conv1d.has(model_type) ? [] : graph.initializers.keys())]))
  restoreModules(graph)
  oneMatrix(graph)
  ownVectors(graph)
}

/**
 * Gives quantized matrices that are looked up and have no parameter's name the name of their module: by the scope of
 * the lookup, else by its path, `/model/embed_tokens/GatherBlockQuantized`.
 */
function nameTables(graph: Graph): void {
  const names = graph.nodes.flatMap((node): [string, string][] => {
    const [table = ''] = node.inputs
    const isUnnamed = isLookup(node, table) && graph.initializers.get(table)?.packed && !isParameter(table)
    // Modules are attributes of classes, in lower case; an operator's name may follow them.
    const module = (node.scope ?? node.name.split('/').filter(Boolean).join('.')).replace(/(^|\.)[A-Z].*$/, '')
    return isUnnamed && module !== '' ? [[table, `${module}.weight`]] : []
  })
  renameFree(graph, new Map(names))
}

/** Gives parameters that a model builder named transformers' names. @returns Those of matrices. */
function renameBuilders(graph: Graph, model_type: string): string[] {
  const tables = new Set(
    graph.nodes.filter((node) => isLookup(node, node.inputs[0] ?? '')).map(({ inputs }) => inputs[0]),
  )
  const names = new Map(
    [...graph.initializers.keys()].flatMap((name) => {
      const known = builderName(name, model_type)
      // The builder has one matrix for a head and the token embeddings that it is tied to.
      const isTied = known === 'lm_head.weight' && tables.has(name)
      return known === undefined ? [] : [[name, isTied ? 'model.embed_tokens.weight' : known] as const]
    }),
  )
  renameFree(graph, names)
  if (names.size > 0) graph.nodes = graph.nodes.map((node) => inModule(node, model_type))
  return [...names.values()].filter((name) => name.endsWith('.weight') && graph.initializers.has(name))
}

/** A node of the builder's in the module that transformers has. */
const inModule = (node: Node, model_type: string): Node =>
  node.scope === undefined ? node : { ...node, scope: builderModule(node.scope, model_type) }

/** Renames values to names that are free; of two values with the same new name, the first gets it. */
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
