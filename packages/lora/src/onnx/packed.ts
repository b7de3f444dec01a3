// Restores transformers' modules where a file holds several in one matrix (`qkv_proj`), or one in several matrices, so
// that adapters fit them.

import {
  addInitializer,
  build,
  type Builder,
  consumersOf,
  type Graph,
  getValue,
  type Node,
  producersOf,
  prune,
  rowsOf,
  stackRows,
  type Tensor,
  type Value,
} from '@cola/graph'

/** Matrices that files have, the modules whose rows they hold, and the model types in which they are one module. */
const packs: readonly { packed: string; modules: readonly string[]; whole: readonly string[] }[] = [
  { packed: 'qkv_proj', modules: ['q_proj', 'k_proj', 'v_proj'], whole: ['phi3', 'phi4mm'] },
  { packed: 'gate_up_proj', modules: ['gate_proj', 'up_proj'], whole: ['phi3', 'phi4mm', 'glm', 'glm4'] },
  { packed: 'input_linear', modules: ['gate_proj', 'up_proj'], whole: ['granitemoehybrid'] },
]

/** Restores the modules of the graph's `model_type`, in place. Matrices of linear layers are [out, in]. */
export function restoreModules(graph: Graph): void {
  for (const pack of packs)
    (pack.whole.includes(graph.metadata.model_type ?? '') ? joinModules : separateModules)(graph, pack)
  prune(graph)
}

type Pack = (typeof packs)[number]

/** The parameters of a linear layer, in the order of Gemm's inputs. */
const kinds = ['weight', 'bias']

/** A linear layer on rows, as `foldLinear` makes it: a Gemm, and the Reshape to [..., out]. */
interface Product {
  readonly gemm: Node
  /** Result of the Reshape. */
  readonly output: string
  /** Name of the matrix's module, and of the modules around it with a dot. */
  readonly module: string
  readonly prefix: string
  /** Value with the sizes of the axes before the last. */
  readonly leading: string
}

/** The products whose module has one of the names, by the names of their results. */
function productsOf(graph: Graph, names: readonly string[]): Map<string, Product> {
  const producers = producersOf(graph)
  return new Map(
    graph.nodes.flatMap(({ opType, inputs, outputs }): [string, Product][] => {
      const [gemm, shape] = opType === 'Reshape' ? inputs.map((name) => producers.get(name)) : []
      const [, prefix, module] = /^(.*\.)(\w+)\.weight$/.exec(gemm?.inputs[1] ?? '') ?? []
      if (gemm?.opType !== 'Gemm' || !gemm.attributes.transB || shape?.opType !== 'Concat') return []
      if (prefix === undefined || module === undefined || !names.includes(module)) return []
      const [output, leading] = [outputs[0] as string, shape.inputs[0] as string]
      return [[output, { gemm, output, module, prefix, leading }]]
    }),
  )
}

/** Adds a product like another, with the parameters of `module`; its result has a given name, or a new one. */
function addProduct(g: Builder, like: Product, module: string, output?: string): Value {
  const { graph } = g
  const { gemm, prefix, leading } = like
  const names = kinds.map((kind) => `${prefix}${module}.${kind}`).filter((name) => graph.values.has(name))
  const inputs = [gemm.inputs[0] as string, ...names].map((name) => getValue(graph, name))
  const options = { name: `${prefix}${module}`, scope: `${prefix}${module}`, attributes: gemm.attributes }
  const [product] = g.node('Gemm', inputs, options) as [Value]
  const shape = g.Concat(getValue(graph, leading), g.int64([product.shape[1] as number]), { axis: 0 })
  if (output !== undefined) graph.values.delete(output)
  return g.node('Reshape', [product, shape], output === undefined ? {} : { outputs: [output] })[0] as Value
}

/** Gives each part of a packed product, which a Split takes apart, a product and parameters of its own. */
function separateModules(graph: Graph, { packed, modules }: Pack): void {
  const products = productsOf(graph, [packed])
  const consumers = consumersOf(graph)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const product = node.opType === 'Split' ? products.get(node.inputs[0] as string) : undefined
    const sizes = product && partsOf(graph, node)
    if (!product || sizes?.length !== modules.length || consumers.get(product.output)?.length !== 1) {
      graph.nodes.push(node)
      continue
    }
    modules.forEach((module, i) => {
      const begin = sizes.slice(0, i).reduce((a, b) => a + b, 0)
      product.gemm.inputs.slice(1).forEach((name, at) => {
        const parameter = `${product.prefix}${module}.${kinds[at]}`
        const whole = graph.initializers.get(name) as Tensor
        if (!graph.values.has(parameter))
          addInitializer(graph, parameter, rowsOf(whole, begin, begin + (sizes[i] as number)))
      })
      addProduct(g, product, module, node.outputs[i])
    })
  }
}

/** Sizes of a Split's parts along the last axis, if they are known. */
function partsOf(graph: Graph, { inputs, outputs, attributes }: Node): number[] | undefined {
  const rank = getValue(graph, inputs[0] as string).shape.length
  if (![rank - 1, -1].includes(Number(attributes.axis ?? 0))) return undefined
  const sizes = outputs.map((name) => getValue(graph, name).shape.at(-1))
  return sizes.every((size) => typeof size === 'number') ? sizes : undefined
}

/** Adds the product of several, and a Split that gives their results. */
function join(g: Builder, like: Product, parts: readonly Product[], packed: string): void {
  const { graph } = g
  like.gemm.inputs.slice(1).forEach((_, at) => {
    const tensors = parts.map(({ gemm }) => graph.initializers.get(gemm.inputs[at + 1] as string) as Tensor)
    addInitializer(graph, `${like.prefix}${packed}.${kinds[at]}`, stackRows(tensors as [Tensor, ...Tensor[]]))
  })
  const whole = addProduct(g, like, packed)
  const sizes = parts.map(({ gemm }) => getValue(graph, gemm.outputs[0] as string).shape[1] as number)
  const outputs = parts.map(({ output }) => output)
  for (const output of outputs) graph.values.delete(output)
  g.node('Split', [whole, g.int64(sizes)], { outputs, attributes: { axis: -1 } })
}

/** Makes one product, and one matrix, of the products of modules that read the same rows. */
function joinModules(graph: Graph, { packed, modules }: Pack): void {
  const products = [...productsOf(graph, modules).values()]
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const own = products.find(({ output }) => node.outputs.includes(output))
    const isSibling = ({ prefix, gemm }: Product) => prefix === own?.prefix && gemm.inputs[0] === own.gemm.inputs[0]
    const siblings = products.filter(isSibling)
    const parts = modules.flatMap((module) => siblings.find((product) => product.module === module) ?? [])
    if (!own || parts.length !== modules.length) graph.nodes.push(node)
    else if (own === siblings[0]) join(g, own, parts, packed)
  }
}
