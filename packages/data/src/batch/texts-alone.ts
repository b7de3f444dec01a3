// What of other libraries' pipelines stands beside texts, and where it is here.

import { refuseMore } from '@cola/graph/door'

const ofOpening = 'It is an option of what opens the model.'
const all = 'probabilities has that of each class, in the order of labels.'

const ofPipelines: Readonly<Record<string, string>> = {
  top_k: all,
  topk: all,
  return_all_scores: all,
  function_to_apply: 'logits gives the numbers before it.',
  batch_size: ofOpening,
  device: ofOpening,
  max_length: ofOpening,
  truncation: 'Longer texts are cut, which onWarning is told.',
  padding: 'Texts of a batch are padded as they need it.',
}

/**
 * Checks that nothing stands behind the texts that a method takes.
 * @param others What to do about options of its own kind, by name; of `text_pair`, about another text too. @default {}
 * @throws {ConfigError} for options, and for another text.
 */
export const textsAlone = (
  where: string,
  more: readonly unknown[],
  others: Readonly<Record<string, string>> = {},
): void => refuseMore(where, more, { ...ofPipelines, ...others })

/** For methods that read pairs of texts. */
export const pairsAreObjects = { text_pair: 'Pairs are objects: [{ text, text_pair }].' }
