// Passes for WebAssembly, which are loaded with the first session there.

import { type Pass, shortVectors } from '@cola/graph'

export const wasmPasses: readonly Pass[] = [shortVectors]
