// Names of classes that nobody named.

/** transformers' name of such a class: LABEL_0, LABEL_1, ... */
export const defaultLabel = (index: number): string => `LABEL_${index}`

/** Those of several. */
export const defaultLabels = (count: number): string[] => Array.from({ length: count }, (_, i) => defaultLabel(i))
