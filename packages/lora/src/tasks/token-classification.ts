// TOKEN_CLS: a tag of IOB2 for each word, and the entities that tags make.

import {
  argMax,
  DataError,
  describeValue,
  divideWords,
  encodeWords,
  type Entity,
  entitiesOf,
  entityMetrics,
  ignoreIndex,
  type PunctuationWords,
  requireList,
  requireSharedLabels,
  requireString,
  rowPlace,
  softmax,
  strictMethods,
  type TextRange,
  type TokenSequence,
  type WordInput,
  type WordSequence,
} from '@cola/data'
import { crossEntropy } from '@cola/train'
import { type Check, flag, listOf, oneOf, optional, string } from '@cola/graph/options'
import type { BaseModel } from '../load/base-model.ts'
import { type ClassWeight, classWeight, type ClassWeights, weightOption } from './class-weight.ts'
import { withHead } from './head.ts'
import { headChecks, type HeadOption, type LayeredHead, layered } from './head-option.ts'
import { architecture, labelNames } from '../load/architecture.ts'
import { isSpansRow, type TaggedWords, taggedWords, type TokenClassificationRow } from './tagged-words.ts'
import { tagDoubts } from './tag-doubts.ts'
import type { EncodeContext, Encoded, ServeContext, Task } from './task.ts'

/** Options of the task TOKEN_CLS. */
export interface TokenClassificationOptions {
  /** Tags in order, `O` among them. @default `O`, then those that occur in the training rows, sorted */
  labels?: readonly string[]
  /**
   * `transformers`: the head of transformers' class where that has more than a linear layer, as ModernBERT's.
   * @default a linear layer, or the head of the adapter that is opened
   */
  head?: HeadOption
  /**
   * Label every piece of a word, the later ones as the inside of its entity; else its first piece alone, as
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
  labels: readonly string[]
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

/** What the model says of the words of a row. */
export interface WordTags {
  /** `[word]`: the likeliest tag; `O` for a word that was cut off or has no token. */
  tags: readonly string[]
  /** `[word]`: its probability; 0 where nothing was read. */
  scores: readonly number[]
}

/** An entity that was found. */
export interface TaggedEntity {
  /** Its type, without B- or I-. */
  label: string
  /** Mean probability of its words' tags. */
  score: number
  /** The part of the text; the words with a space between, where words were given. */
  text: string
  /** Place in the text, a JavaScript string; or index of the first word, where words were given. */
  start: number
  /** Past the last character, or past the last word. */
  end: number
}

/** Methods of a fine-tuned tagger. */
export interface TokenClassifier {
  /** Tags in the order of the logits. */
  readonly labels: readonly string[]
  /**
   * Finds the entities of texts, or of sentences that are divided into words, in batches; a list for each. What is
   * longer than the model takes is read up to there.
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

const outside = 'O'

const tagList: Check = [
  'an array of different tags of IOB2, "O" among them',
  (value) =>
    Array.isArray(value) &&
    value.every((tag) => typeof tag === 'string' && /^(O|[BI]-.+)$/.test(tag)) &&
    new Set(value).size === value.length &&
    value.includes(outside),
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
  head: headForms.option,
  label_all_tokens: flag,
  punctuation: oneOf(['all', 'edges'] satisfies PunctuationWords[]),
  class_weight: classWeight,
}

export const tokenClassification: Task<Types> = {
  taskType: 'TOKEN_CLS',
  options: checks,
  // transformers' names of tags that nothing names are LABEL_0 and so on.
  saved: { ...checks, labels: listOf(string), head: headForms.setting, class_weight: optional(classWeight) },
  async settings(
    rows,
    { labels, label_all_tokens = false, punctuation, class_weight, ...options },
    _base,
    _batch,
    trained,
  ) {
    const spans = rows.some((row, i) => isSpansRow(row, rowPlace('train', i, row)))
    const division = punctuation ?? (spans ? 'all' : 'edges')
    const tagged = taggedWords(rows, division, 'train')
    if (!labels) requireSharedLabels(typesOf(tagged), 'train, field "tags" or "spans"', ownTypeFix)
    const head = layered(options.head)
    const classes = labels ? [...labels] : labelsOf(tagged)
    const all = () => tagged.flatMap(({ tags }) => tags)
    const weights = class_weight && {
      // A part of its own in bundles.
      class_weight: (await import('./found-weights.ts')).foundWeights(class_weight, all(), classes, trained),
    }
    return { labels: classes, ...(head ? { head } : {}), label_all_tokens, punctuation: division, ...weights }
  },
  async doubts(_, { labels }, options, given) {
    return tagDoubts(given, labels, !!options.labels)
  },
  head(base, { labels, head }, seed) {
    const linear = { pooling: 'none', name: headName(base), bias: true } as const
    const form = { ...(head ?? linear), initial: base.parameters }
    return withHead(base.hiddenStates(), { num_labels: labels.length, labels, ...form, seed })
  },
  config: ({ labels }, base) => ({ ...architecture(base.config, 'ForTokenClassification'), ...labelNames(labels) }),
  encode(rows, settings, context) {
    const tagged = taggedWords(rows, settings.punctuation, context.where)
    const targets = tagged.map((row, i) => tagIndices(row, settings.labels, rowPlace(context.where, i, rows[i])))
    const { examples, truncated } = encodeInputs(
      tagged.map(({ input }) => input),
      context,
    )
    const labelled = examples.map(({ word_ids, ...example }, i) => ({
      ...example,
      labels: tokenLabels(word_ids, targets[i] as readonly number[], settings),
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
  predict({ logits }, examples, { labels }, starts) {
    const data = logits?.data ?? new Float32Array()
    const places = starts()
    return examples.map(({ first_tokens }, i) => {
      const read = first_tokens.map((token) => {
        if (token < 0) return { tag: outside, score: 0 }
        const at = ((places[i] as number) + token) * labels.length
        const probabilities = softmax(Array.from(data.subarray(at, at + labels.length)))
        const index = argMax(probabilities)
        return { tag: labels[index] as string, score: probabilities[index] as number }
      })
      return { tags: read.map(({ tag }) => tag), scores: read.map(({ score }) => score) }
    })
  },
  scores(predictions, examples, _, { onWarning }) {
    const scored = examples.flatMap(({ tags }, i) => (tags ? [{ tags, predicted: predictions[i]?.tags ?? [] }] : []))
    const { precision, recall, f1, accuracy, types } = entityMetrics(
      scored.map(({ predicted }) => predicted),
      scored.map(({ tags }) => tags),
      { onWarning },
    )
    const byType = Object.entries(types).map(([type, score]) => [`f1_${type}`, score.f1] as const)
    return { precision, recall, f1, accuracy, ...Object.fromEntries(byType) }
  },
  metricForBestModel: () => 'f1',
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
          return inputs.map((input, i) => found(input, predictions[i] as WordTags))
        },
      }),
    }
  },
}

const ownTypeFix =
  'A type is what entities share, such as PER, and not the entity itself. If they are types, name all tags with the ' +
  'option labels.'

/** The type of each entity. */
const typesOf = (tagged: readonly TaggedWords[]): string[] =>
  tagged.flatMap(({ tags }) => tags.filter((tag) => tag.startsWith('B-')).map((tag) => tag.slice(2)))

/**
 * `O`, then the tags that occur, sorted. Spans name types: of each there may be an inside.
 * @throws {DataError} for rows without an entity.
 */
function labelsOf(tagged: readonly TaggedWords[]): string[] {
  const occurring = tagged.flatMap(({ tags, field }) =>
    field === 'tags' ? tags : tags.flatMap((tag) => (tag.startsWith('B-') ? [tag, `I-${tag.slice(2)}`] : [tag])),
  )
  const entities = [...new Set(occurring)].filter((tag) => tag !== outside)
  if (entities.length > 0) return [outside, ...entities.sort()]
  throw new DataError({
    where: 'train, field "tags" or "spans"',
    what: 'no entity in any row',
    expected: 'a tag other than O, or a span',
    found: `${tagged.length} rows without one`,
  })
}

/** What to do about a tag that is none of the labels, by where the row is. */
const unknownTagFix = {
  train: 'Name it with the option labels too, or leave that option out.',
  validation: 'The training rows have no such tag: add some, or name all tags with the option labels.',
  rows: 'The model knows its tags alone: rename the tag, or leave the row out.',
} as const

/** Indices of a row's tags. @throws {DataError} naming the word, for a tag that is none of the labels. */
function tagIndices({ input, tags, field }: TaggedWords, labels: readonly string[], where: string): number[] {
  return tags.map((tag, word) => {
    const index = labels.indexOf(tag)
    if (index >= 0) return index
    const shown = 'words' in input ? input.words[word] : textOf(input, input.ranges[word] as TextRange)
    throw new DataError({
      where: `${where}, field "${field}", word ${word + 1} ${JSON.stringify(shown)}`,
      what: 'a tag that is none of the labels',
      expected: labels.join(', '),
      found: describeValue(tag),
      fix: unknownTagFix[where.split(',')[0] as keyof typeof unknownTagFix],
    })
  })
}

const textOf = ({ text }: { text: string }, { start, end }: TextRange): string => text.slice(start, end)

type WordExample = WordSequence & Pick<TokenClassificationExample, 'first_tokens'>

/** Token ids, and where each word begins in them. */
function encodeInputs(
  inputs: readonly WordInput[],
  { base, max_length, where, pad_token_id }: EncodeContext & Partial<ServeContext> & { where: string },
): Encoded<WordExample> {
  const limits = { max_length, vocab_size: base.vocab_size, where, pad_token_id }
  const { rows, truncated } = encodeWords(base.tokenizer, inputs, limits)
  const examples = rows.map((row, i) => {
    const input = inputs[i] as WordInput
    const count = 'words' in input ? input.words.length : input.ranges.length
    return { ...row, first_tokens: Array.from({ length: count }, (_, word) => row.word_ids.indexOf(word)) }
  })
  return { examples, truncated }
}

/** `[token]`: the tag of each word at its first token, -100 elsewhere; or the inside of it at the others. */
function tokenLabels(
  word_ids: WordSequence['word_ids'],
  targets: readonly number[],
  { labels, label_all_tokens }: TokenClassificationSettings,
): number[] {
  return word_ids.map((word, i) => {
    if (word === null) return ignoreIndex
    const target = targets[word] as number
    if (word !== word_ids[i - 1]) return target
    if (!label_all_tokens) return ignoreIndex
    const inside = labels.indexOf((labels[target] as string).replace(/^B-/, 'I-'))
    return inside < 0 ? target : inside
  })
}

/** @throws {DataError} for what is neither a text nor words. */
function wordsOf(text: string | { words: readonly string[] }, punctuation: PunctuationWords, where: string): WordInput {
  if (typeof text === 'object' && text !== null && 'words' in text) return { words: text.words }
  const checked = requireString(typeof text === 'string' ? { text } : text, 'text', where)
  return { text: checked, ranges: divideWords(checked, punctuation) }
}

/** The entities of the tags, in their places. */
function found(input: WordInput, { tags, scores }: WordTags): TaggedEntity[] {
  return entitiesOf(tags).map((entity) => {
    const wordScores = scores.slice(entity.start, entity.end)
    const score = wordScores.reduce((a, b) => a + b, 0) / wordScores.length
    return { label: entity.type, score, ...placeOf(input, entity) }
  })
}

function placeOf(input: WordInput, { start, end }: Entity): Pick<TaggedEntity, 'text' | 'start' | 'end'> {
  if ('words' in input) return { text: input.words.slice(start, end).join(' '), start, end }
  const place = { start: (input.ranges[start] as TextRange).start, end: (input.ranges[end - 1] as TextRange).end }
  return { text: textOf(input, place), ...place }
}
