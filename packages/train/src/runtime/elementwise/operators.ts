// The operators of elementwise graphs: as an instruction of WebAssembly for four elements, and as a function of numbers.

/** An operator on float32. */
export interface ElementwiseOperator {
  /** Opcode of its `f32x4` instruction, or undefined where the result is the operand: W3C, WebAssembly Core, 5.4.9. */
  readonly opcode: number | undefined
  /** In float64; rounded to float32, these are the results in float32. */
  readonly compute: (a: number, b: number) => number
}

/** Operators by ONNX's names. */
export const elementwiseOperators: ReadonlyMap<string, ElementwiseOperator> = new Map(
  Object.entries<ElementwiseOperator>({
    Identity: { opcode: undefined, compute: (a) => a },
    Abs: { opcode: 0xe0, compute: Math.abs },
    Neg: { opcode: 0xe1, compute: (a) => -a },
    Sqrt: { opcode: 0xe3, compute: Math.sqrt },
    Add: { opcode: 0xe4, compute: (a, b) => a + b },
    Sub: { opcode: 0xe5, compute: (a, b) => a - b },
    Mul: { opcode: 0xe6, compute: (a, b) => a * b },
    Div: { opcode: 0xe7, compute: (a, b) => a / b },
    Min: { opcode: 0xe8, compute: (a, b) => Math.min(a, b) },
    Max: { opcode: 0xe9, compute: (a, b) => Math.max(a, b) },
  }),
)
