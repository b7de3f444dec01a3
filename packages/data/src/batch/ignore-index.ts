// The label that losses leave out.

/** The label of a row or a token without a class; PyTorch's `ignore_index`. */
export const ignoreIndex = -100
