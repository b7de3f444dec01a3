// CAUSAL_LM: texts, completions of prompts and conversations, token by token; what TRL's SFTTrainer trains by default.

import { DataError, encodeForLanguageModel, perplexity, rowPlace } from '@cola/data'
import { flag, oneOf, optional, string, text, whole } from '@cola/graph/options'
import { architecture } from '../load/architecture.ts'
import { endTokens } from '../generate/special-tokens.ts'
import {
  columnsOf,
  formOf,
  hasCompletions,
  isTemplated,
  type LanguageModelForm,
  languageModelForms,
  type LanguageModelRow,
  requireWritten,
  textOf,
} from './language-model-rows.ts'
import { learned, type TextScore, textScores } from './next-token.ts'
import { nextTokenInputs, nextTokenLoss } from './next-token-loss.ts'
import type { TextGenerator } from '../generate/text-generator.ts'
import { templateName } from '../generate/text-format.ts'
import { textGeneration } from './text-generation.ts'
import type { Task } from './task.ts'

/** Options of the task CAUSAL_LM. */
export interface CausalLanguageModelOptions {
  /** Compute the loss on completions only, not on prompts; for rows that have both; TRL's option. @default true */
  completion_only_loss?: boolean
  /**
   * Compute the loss on the turns of the assistant only, on all of them, for rows with messages; TRL's option. They are
   * what the chat template's `{% generation %}` encloses; of a template without it, what a turn adds to the prompt for
   * it. @default false
   */
  assistant_only_loss?: boolean
  /**
   * Token of the vocabulary that ends texts; conversations end as the chat template has it.
   * @default the tokenizer's
   */
  eos_token?: string
  /**
   * Name of the chat template, where the tokenizer has several; `open: { chat_template }` gives a template itself.
   * @default 'default'
   */
  chat_template?: string
}

/** What the task CAUSAL_LM found from rows and options, saved with the adapter. */
export interface CausalLanguageModelSettings {
  form: LanguageModelForm
  completion_only_loss: boolean
  /** @default false */
  assistant_only_loss?: boolean
  /** End tokens; training appends the first to each text. Empty for a model without one. */
  eos_token_id: readonly number[]
  chat_template?: string
}

/** A tokenized text with the label of each token. */
export interface CausalLanguageModelExample {
  input_ids: readonly number[]
  /** `[token]`: the token id where it has a loss, else -100. Undefined for a prompt whose next token is predicted. */
  labels?: readonly number[]
}

export interface CausalLanguageModelTypes {
  row: LanguageModelRow
  table: never
  options: CausalLanguageModelOptions
  settings: CausalLanguageModelSettings
  example: CausalLanguageModelExample
  prediction: TextScore
  serving: TextGenerator
}

type Types = CausalLanguageModelTypes

/** GPT-2's class name differs from the usual `ForCausalLM`. */
const headOf = (model_type: string): string => (model_type === 'gpt2' ? 'LMHeadModel' : 'ForCausalLM')

export const causalLanguageModel: Task<Types> = {
  taskType: 'CAUSAL_LM',
  options: { completion_only_loss: flag, assistant_only_loss: flag, eos_token: text, chat_template: text },
  saved: {
    form: oneOf(languageModelForms),
    completion_only_loss: flag,
    assistant_only_loss: optional(flag),
    eos_token_id: ['an array of token ids', (value) => Array.isArray(value) && value.every(whole(0)[1])],
    chat_template: optional(string),
  },
  async settings(rows, { completion_only_loss, assistant_only_loss, eos_token, chat_template }, base) {
    const form = formOf(rows[0] as Types['row'], rowPlace('train', 0, rows[0]))
    if (completion_only_loss && !hasCompletions(form))
      throw (await import('./no-effect.ts')).noEffect('completion_only_loss', `rows with ${columnsOf(form)}`)
    if (assistant_only_loss && form !== 'conversation')
      throw (await import('./no-effect.ts')).noEffect('assistant_only_loss', `rows with ${columnsOf(form)}`)
    return {
      form,
      completion_only_loss: completion_only_loss ?? true,
      ...(assistant_only_loss ? { assistant_only_loss } : {}),
      eos_token_id: endTokens(base, eos_token),
      ...(chat_template === undefined ? {} : { chat_template }),
    }
  },
  continued: (settings, { eos_token }, { eos_token_id, chat_template }) => ({
    ...(chat_template === undefined ? {} : { chat_template }),
    ...settings,
    ...(eos_token === undefined ? { eos_token_id } : {}),
  }),
  head: (base) => base.packedLanguageModel(),
  generates: true,
  config: ({ eos_token_id }, base) => ({
    ...architecture(base.config, headOf(base.config.model_type)),
    ...(eos_token_id.length > 0 ? { eos_token_id } : {}),
  }),
  encode(
    rows,
    { form, completion_only_loss, assistant_only_loss, eos_token_id, ...settings },
    { base, max_length, where },
  ) {
    const { tokenizer, vocab_size } = base
    const chat_template = templateName(base, settings.chat_template)
    const templated = isTemplated(form)
    const texts = rows.map((row, i) => {
      const place = rowPlace(where, i, row)
      const text = textOf(row, form, { tokenizer, chat_template, assistant_only_loss, where: place })
      return completion_only_loss ? text : { ...text, prompt: undefined }
    })
    if (rows[0]) requireWritten(rows[0], form, { tokenizer, chat_template, where: rowPlace(where, 0, rows[0]) })
    const { rows: examples, truncated } = encodeForLanguageModel(tokenizer, texts, {
      where,
      max_length,
      vocab_size,
      add_special_tokens: !templated,
      eos_token_id: templated ? undefined : eos_token_id[0],
    })
    if (examples.length > 0) requireLearned(examples, where, max_length)
    return { examples, truncated, unlearned: examples.flatMap((one, i) => (learned(one).length > 0 ? [] : [i])) }
  },
  collate(base, { graph }) {
    const batches = base.batches(graph)
    return (examples) => {
      const { batch, starts } = batches(examples)
      const labels = examples.flatMap((example, i) =>
        learned(example).map(({ label, at }) => ({ label, place: (starts[i] as number) + at - 1 })),
      )
      const next = examples.flatMap(({ input_ids, labels }, i) =>
        labels ? [] : [(starts[i] as number) + input_ids.length - 1],
      )
      return { ...batch, ...nextTokenInputs(labels, next) }
    }
  },
  loss: (_, { base, examples, batch_size }) =>
    nextTokenLoss({ labels: mostLabels(examples) * batch_size, vocab_size: base.vocab_size }),
  evalLoss: (_, { base, examples, batch_size }) =>
    nextTokenLoss({
      // Other rows than these are evaluated too.
      labels: Math.max(mostLabels(examples), 256) * batch_size,
      vocab_size: base.vocab_size,
      evaluation: true,
    }),
  predict: ({ label_losses, next_logits }, examples) =>
    textScores(examples, {
      losses: (label_losses as { data: Float32Array }).data,
      logits: (next_logits as { data: Float32Array }).data,
    }),
  scores: (_, __, ___, { loss }) => ({ perplexity: loss >= 0 ? perplexity(loss) : Number.NaN }),
  metricForBestModel: () => 'loss',
  batchSizes: { batch_size: 8, eval_batch_size: 8 },
  scoresTraining: false,
  serve(predict, { eos_token_id, chat_template }, context) {
    const logits = async (texts: readonly (readonly number[])[]) =>
      (await predict({ examples: texts.map((input_ids) => ({ input_ids })), truncated: 0 })).map(
        ({ next }) => next as Float32Array,
      )
    return textGeneration({ context, logits, eos_token_id, chat_template })
  },
}

/** Learned tokens of the text that has most. */
const mostLabels = (examples: readonly Types['example'][]): number =>
  examples.reduce((most, example) => Math.max(most, learned(example).length), 0)

/** @throws {DataError} where every text has a single token, or every prompt leaves its completion no place. */
function requireLearned(examples: readonly Types['example'][], where: string, max_length: number): void {
  if (examples.some((example) => learned(example).length > 0)) return
  throw new DataError({
    where,
    what: 'no token that can be learned',
    expected: `texts of at least two tokens, and prompts of fewer than ${max_length}`,
    found: `prompts and texts of ${examples[0]?.input_ids.length} tokens`,
    fix: 'Shorten the prompts, or set a larger max_length.',
  })
}
