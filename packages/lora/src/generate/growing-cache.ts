// onnxruntime-genai's builder (0.18) writes attention whose cache has room for its window alone, which the caller
// allocates. The attribute changes where keys and values lie and no number: without it the cache grows with the text.

import type { Graph } from '@cola/graph'

const isWindowed = ({ attributes }: Graph['nodes'][number]): boolean => attributes.sliding_window_cache === 1

/** Whether some layer's cache has the size of its window. */
export const hasWindowedCache = ({ nodes }: Graph): boolean => nodes.some(isWindowed)

/** The graph whose attention has a cache of all tokens, where the file asks for one of the window's size. */
export const withGrowingCache = (graph: Graph): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) =>
    isWindowed(node) ? { ...node, attributes: { ...node.attributes, sliding_window_cache: 0 } } : node,
  ),
})
