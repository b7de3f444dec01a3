// Generates texts: strings and conversations in, strings out.

import { checkValue, defined, object } from '@cola/graph/options'
import { requireList } from '@cola/data'
import { certain } from './new-text.ts'
import { type Begin, textEvents } from './text-events.ts'
import type { TextPrompt } from './text-format.ts'
import type {
  GeneratedPiece,
  GeneratedText,
  GenerateTextOptions,
  GenerateTextsOptions,
  StreamTextsOptions,
} from './text-options.ts'

/** Methods of a language model. @typeParam Further Options that it has beside those of generating. */
export interface TextGenerator<Further = unknown> {
  /**
   * Continues a text, or answers a conversation through the model's chat template; or several at once. A text begins
   * with the special tokens that the tokenizer puts before it; an empty one with the start token.
   * @returns The new text alone, without the end token, and without a stop string and what follows it.
   * @throws {DataError} for what is neither a string nor messages, and messages that the chat template refuses;
   * {FeedError} for a prompt that leaves no place for another token; {ConfigError} for an option out of its range; the
   * reason of a signal that fires.
   */
  readonly generate: {
    (prompt: TextPrompt, options?: GenerateTextOptions & Further): Promise<string>
    (prompts: readonly TextPrompt[], options?: GenerateTextsOptions & Further): Promise<string[]>
  }
  /**
   * The new text in pieces as it comes, each of whole characters; of several prompts, with the row. Together they are
   * what `generate` returns. A loop that breaks off ends the generation.
   * @throws as `generate` does, at the first piece.
   */
  readonly stream: {
    (prompt: TextPrompt, options?: GenerateTextOptions & Further): AsyncGenerator<string, void, undefined>
    (
      prompts: readonly TextPrompt[],
      options?: GenerateTextsOptions & Further,
    ): AsyncGenerator<GeneratedPiece, void, undefined>
  }
  /**
   * The new text of each prompt, as it ends: for many prompts, or without end. `batch_size` of them are generated at
   * once, and the next prompt is asked for when there is place. A loop that breaks off ends the generation.
   * @throws as `generate` does, when a prompt is asked for.
   */
  readonly streamTexts: (
    prompts: Iterable<TextPrompt>,
    options?: StreamTextsOptions & Further,
  ) => AsyncGenerator<GeneratedText, void, undefined>
}

/** Whether prompts are several. */
const areTexts = (prompt: TextPrompt | readonly TextPrompt[]): prompt is readonly TextPrompt[] =>
  Array.isArray(prompt) && (prompt.length === 0 || typeof prompt[0] === 'string' || Array.isArray(prompt[0]))

/** Builds `generate` and its streams. */
export function textGenerator<Further>(begin: Begin<Further>): TextGenerator<Further> {
  type TextsOptions = GenerateTextsOptions & Further
  async function generate(prompt: TextPrompt, options?: GenerateTextOptions & Further): Promise<string>
  async function generate(prompts: readonly TextPrompt[], options?: TextsOptions): Promise<string[]>
  async function generate(
    prompt: TextPrompt | readonly TextPrompt[],
    options = {} as TextsOptions,
  ): Promise<string | string[]> {
    const prompts = areTexts(prompt) ? prompt : [prompt]
    const found = prompts.map(() => '')
    for await (const { row, text, reason } of textEvents(begin, prompts, options)) if (reason) found[row] = text()
    return areTexts(prompt) ? found : (found[0] as string)
  }
  async function* pieces(prompts: readonly TextPrompt[], options: TextsOptions) {
    const given = prompts.map(() => '')
    for await (const { row, text, reason } of textEvents(begin, prompts, options)) {
      const before = given[row] as string
      const sure = reason ? text() : certain(text(), options)
      if (sure.length <= before.length || !(reason || sure.startsWith(before))) continue
      given[row] = sure
      yield { row, text: sure.slice(before.length) }
    }
  }
  async function* texts(prompt: TextPrompt, options: TextsOptions) {
    for await (const { text } of pieces([prompt], options)) yield text
  }
  const stream = (prompt: TextPrompt | readonly TextPrompt[], options = {} as TextsOptions) =>
    areTexts(prompt) ? pieces(prompt, options) : texts(prompt, options)
  return {
    generate,
    stream: stream as TextGenerator<Further>['stream'],
    async *streamTexts(prompts, options = {} as StreamTextsOptions & Further) {
      checkValue('streamTexts, options', options, object)
      // The letters of a text are no prompts, although a string is iterable.
      if (typeof prompts !== 'object' || prompts === null || !(Symbol.iterator in prompts))
        requireList(prompts, 'streamTexts, prompts')
      for await (const { row, text, reason } of textEvents(begin, prompts, { batch_size: 32, ...defined(options) }))
        if (reason) yield { row, text: text(), reason }
    },
  }
}
