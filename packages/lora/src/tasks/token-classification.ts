// TOKEN_CLS: a tag for each word, such as its part of speech, or of IOB2, whose tags make entities.

import {
  argMax,
  checkIob2,
  entityMetrics,
  ignoreIndex,
  type PunctuationWords,
  requireList,
  rowPlace,
  softmax,
  strictMethods,
  tagMetrics,
  type TagScheme,
  type TokenSequence,
} from '@cola/data'
import { crossEntropy } from '@cola/train'
import { type Check, flag, listOf, oneOf, optional, string } from '@cola/graph/options'
import type { BaseModel } from '../load/base-model.ts'
import { type ClassWeight, classWeight, type ClassWeights, weightOption } from './class-weight.ts'
import { found, type TaggedEntity, type WordTags, wordsOf } from './found-tags.ts'
import { withHead } from './head.ts'
import { headChecks, type HeadOption, type LayeredHead, layered } from './head-option.ts'
import { architecture, labelNames } from '../load/architecture.ts'
import { tagDoubts } from './tag-doubts.ts'
import { tagLabels } from './tag-labels.ts'
import { isSpansRow, type TaggedWords, taggedWords, type TokenClassificationRow } from './tagged-words.ts'
import { areIob2, readsEntities, schemeCheck } from './tag-scheme.ts'
import type { Task } from './task.ts'
import { encodeInputs, insideOf, tagIndices, tokenLabels } from './word-tokens.ts'

/** Options of the task TOKEN_CLS. */
export interface TokenClassificationOptions {
  /**
   * Tags in order, `O` among those of entities; numbers in rows are places among them.
   * @default those that occur in the training rows, sorted; of entities `O` is the first
   */
  labels?: readonly string[]
  /**
   * The scheme that the tags of rows are of, by seqeval's name: they become those of IOB2. null: each word has a tag of
   * its own, whatever it looks like. @default 'IOB2' where all tags are `O`, `B-TYPE` or `I-TYPE`, else null
   */
  scheme?: TagScheme | null
  /**
   * `transformers`: the head of transformers' class where that has more than a linear layer, as ModernBERT's.
   * @default a linear layer, or the head of the adapter that is opened
   */
  head?: HeadOption
  /**
   * Label every piece of a word, the later ones of an entity as its inside; else its first piece alone, as
   * transformers' examples do. @default false
   */
  label_all_tokens?: boolean
  /**
   * Which punctuation of a text is a word of its own. @default 'all' where rows have spans, 'edges' where all have
   * words
   */
  punctuation?: PunctuationWords
  /**
   * Weights of tags in the loss, by tag: that of `CrossEntropyLoss(weight)`, whose mean is weighted too; or `balanced`,
   * by the number of their words in `train`, as in scikit-learn. @default none
   */
  class_weight?: ClassWeight
}

/** What the task TOKEN_CLS found from rows and options, saved with the adapter. */
export interface TokenClassificationSettings {
  /** Tags in the order of the logits; those of entities in IOB2. */
  labels: readonly string[]
  /** @default 'IOB2' where all labels are `O`, `B-TYPE` or `I-TYPE`, else null */
  scheme?: TagScheme | null
  /** The names that numbers in rows are places of, where the scheme makes other labels of them. @default labels */
  names?: readonly string[]
  /** @default a linear layer */
  head?: LayeredHead
  label_all_tokens: boolean
  punctuation: PunctuationWords
  /** @default none */
  class_weight?: ClassWeights
}

/** A tokenized row with the tag of each token. */
export interface TokenClassificationExample extends TokenSequence {
  /** `[word]`: place of its first token; -1 for a word that was cut off or has none. */
  first_tokens: readonly number[]
  /** `[token]`: index of the tag; -100 for what has none. Undefined for texts to be tagged. */
  labels?: readonly number[]
  /** `[word]`: the right tags, those of words that were cut off too. */
  tags?: readonly string[]
}

/** Methods of a fine-tuned tagger. */
export interface TokenClassifier {
  /** Tags in the order of the logits. */
  readonly labels: readonly string[]
  /**
   * Finds the entities of texts, or of sentences that are divided into words, in batches; a list for each. Where tags
   * make no entities, each word with its tag. What is longer than the model takes is read up to there.
   * @throws {DataError} for what is neither a string nor words, and for empty words.
   */
  readonly tag: (texts: readonly (string | { words: readonly string[] })[]) => Promise<TaggedEntity[][]>
}

export interface TokenClassificationTypes {
  row: TokenClassificationRow
  table: never
  options: TokenClassificationOptions
  settings: TokenClassificationSettings
  example: TokenClassificationExample
  prediction: WordTags
  serving: TokenClassifier
}

type Types = TokenClassificationTypes

const tagList: Check = [
  'an array of different tags, "O" among those of entities',
  (value) =>
    Array.isArray(value) &&
    value.every((tag) => typeof tag === 'string' && tag !== '') &&
    new Set(value).size === value.length &&
    value.length > 0 &&
    !value.every((tag) => /^[BIESLU]-./.test(tag)),
]

/** Decoders whose *ForTokenClassification has a `classifier` in transformers, as encoders do; others have a `score`. */
const withClassifier: ReadonlySet<string> = new Set([
  'bloom',
  'falcon',
  'gpt2',
  'gpt_bigcode',
  'gpt_neo',
  'gpt_neox',
  'mpt',
])

const headName = ({ causal, config }: BaseModel): string =>
  causal && !withClassifier.has(config.model_type) ? 'score' : 'classifier'

const headForms = headChecks(['none'])

/** Of the options, and of the settings, which have the same fields. */
const checks = {
  labels: tagList,
  scheme: schemeCheck,
  head: headForms.option,
  label_all_tokens: flag,
  punctuation: oneOf(['all', 'edges'] satisfies PunctuationWords[]),
  class_weight: classWeight,
}

export const tokenClassification: Task<Types> = {
  taskType: 'TOKEN_CLS',
  options: checks,
  // transformers' names of tags that nothing names are LABEL_0 and so on.
  saved: {
    ...checks,
    labels: listOf(string),
    scheme: optional(schemeCheck),
    names: optional(listOf(string)),
    head: headForms.setting,
    class_weight: optional(classWeight),
  },
  async settings(rows, options, _base, _batch, trained) {
    const { labels, scheme, label_all_tokens = false, class_weight } = options
    const spans = rows.some((row, i) => isSpansRow(row, rowPlace('train', i, row)))
    const punctuation = options.punctuation ?? (spans ? 'all' : 'edges')
    const tagged = taggedWords(rows, { punctuation, scheme, names: labels }, 'train')
    const tags = tagLabels(tagged, { labels, scheme })
    const head = layered(options.head)
    const all = () => tagged.flatMap((row) => row.tags)
    const weights = class_weight && {
      // A part of its own in bundles.
      class_weight: (await import('./found-weights.ts')).foundWeights(class_weight, all(), tags.labels, trained),
    }
    return { ...tags, ...(head ? { head } : {}), label_all_tokens, punctuation, ...weights }
  },
  async doubts(_, settings, options, given) {
    return tagDoubts(given, settings, !!options.labels)
  },
  head(base, { labels, head }, seed) {
    const linear = { pooling: 'none', name: headName(base), bias: true } as const
    const form = { ...(head ?? linear), initial: base.parameters }
    return withHead(base.hiddenStates(), { num_labels: labels.length, labels, ...form, seed })
  },
  config: ({ labels }, base) => ({ ...architecture(base.config, 'ForTokenClassification'), ...labelNames(labels) }),
  encode(rows, settings, context) {
    const tagged = requireIob2Of(settings, taggedWords(rows, readingOf(settings), context.where), context.where)
    const later = settings.label_all_tokens ? laterTokens(settings) : undefined
    const targets = tagged.map((row, i) => tagIndices(row, settings.labels, rowPlace(context.where, i, rows[i])))
    const { examples, truncated } = encodeInputs(
      tagged.map(({ input }) => input),
      context,
    )
    const labelled = examples.map(({ word_ids, ...example }, i) => ({
      ...example,
      labels: tokenLabels(word_ids, targets[i] as readonly number[], later),
      tags: (tagged[i] as TaggedWords).tags,
    }))
    return { examples: labelled, truncated }
  },
  collate(base, { graph }) {
    const batches = base.batches(graph)
    return (examples) => {
      const { batch, grid, starts } = batches(examples)
      const labels = new Int32Array(grid.reduce((a, b) => a * b)).fill(ignoreIndex)
      for (const [i, { labels: rowLabels = [] }] of examples.entries()) labels.set(rowLabels, starts[i])
      return { ...batch, labels: { data: labels, dims: grid } }
    }
  },
  loss: ({ labels, class_weight }) => crossEntropy(weightOption(labels, class_weight)),
  predict({ logits }, examples, settings, starts) {
    const { labels } = settings
    const unread = readsEntities(settings) ? 'O' : ''
    const data = logits?.data ?? new Float32Array()
    const places = starts()
    return examples.map(({ first_tokens }, i) => {
      const read = first_tokens.map((token) => {
        if (token < 0) return { tag: unread, score: 0 }
        const at = ((places[i] as number) + token) * labels.length
        const probabilities = softmax(Array.from(data.subarray(at, at + labels.length)))
        const index = argMax(probabilities)
        return { tag: labels[index] as string, score: probabilities[index] as number }
      })
      return { tags: read.map(({ tag }) => tag), scores: read.map(({ score }) => score) }
    })
  },
  scores(predictions, examples, settings, { onWarning }) {
    const scored = examples.flatMap(({ tags }, i) => (tags ? [{ tags, predicted: predictions[i]?.tags ?? [] }] : []))
    const [predicted, right] = [scored.map((row) => row.predicted), scored.map(({ tags }) => tags)]
    if (!readsEntities(settings)) return tagMetrics(predicted, right, { onWarning })
    const { precision, recall, f1, accuracy, types } = entityMetrics(predicted, right, { onWarning })
    const byType = Object.entries(types).map(([type, score]) => [`f1_${type}`, score.f1] as const)
    return { precision, recall, f1, accuracy, ...Object.fromEntries(byType) }
  },
  metricForBestModel: (settings) => (readsEntities(settings) ? 'f1' : 'accuracy'),
  scoresTraining: true,
  serve(predict, settings, context) {
    return {
      labels: settings.labels,
      ...strictMethods({
        async tag(texts: readonly (string | { words: readonly string[] })[]) {
          requireList(texts, 'texts')
          if (texts.some(Array.isArray)) throw (await import('./array-text.ts')).arrayText(texts, '{ words: [...] }')
          const inputs = texts.map((text, i) => wordsOf(text, settings.punctuation, rowPlace('texts', i)))
          const predictions = await predict(encodeInputs(inputs, { ...context, where: 'texts' }))
          const hasEntities = readsEntities(settings)
          return inputs.map((input, i) => found(input, predictions[i] as WordTags, hasEntities))
        },
      }),
    }
  },
}

/** How rows are read for a model. */
const readingOf = ({ punctuation, scheme, labels, names = labels }: TokenClassificationSettings) => ({
  punctuation,
  scheme,
  names,
})

/** The rows, checked where a model's tags are those of IOB2 and no scheme makes such of them. */
function requireIob2Of(settings: TokenClassificationSettings, tagged: TaggedWords[], where: string): TaggedWords[] {
  if (settings.scheme === undefined && areIob2(settings.labels))
    checkIob2(
      tagged.map(({ tags }) => tags),
      where,
    )
  return tagged
}

const laterTokens = (settings: TokenClassificationSettings) =>
  readsEntities(settings) ? insideOf(settings.labels) : (target: number) => target
