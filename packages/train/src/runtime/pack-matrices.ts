// What packs matrices, as a module of its own: it is loaded for graphs that have some in 4 or 8 bits.

export { packMatrices } from '@cola/graph'
