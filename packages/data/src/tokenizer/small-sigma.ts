// JavaScript lowercases a capital sigma at a word's end to ς (Unicode's SpecialCasing.txt); the tokenizers library
// lowercases each letter by itself, to σ.

/** A normalizer of tokenizer.json. */
export interface NormalizerJson {
  type?: string
  lowercase?: boolean
  normalizers?: readonly NormalizerJson[]
}

const lowercases = ({ type, lowercase, normalizers }: NormalizerJson): boolean =>
  type === 'Lowercase' ||
  (type === 'BertNormalizer' && lowercase === true) ||
  (Array.isArray(normalizers) && normalizers.some((one) => lowercases(one)))

/** What a tokenizer with a normalizer is given in place of a text. */
export const smallSigma = (normalizer: NormalizerJson | null | undefined): ((text: string) => string) =>
  normalizer && lowercases(normalizer) ? (text) => text.replaceAll('Σ', 'σ') : (text) => text
