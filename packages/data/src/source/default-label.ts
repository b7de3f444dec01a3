// Names of classes that nobody named.

/** transformers' name of such a class: LABEL_0, LABEL_1, ... */
export const defaultLabel = (index: number): string => `LABEL_${index}`

/** Those of several classes. @param names By index, in place of them. @default none */
export const defaultLabels = (count: number, names: Readonly<Record<number, string>> = {}): string[] =>
  Array.from({ length: count }, (_, i) => names[i] ?? defaultLabel(i))
