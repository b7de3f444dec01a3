// How a language model reads texts and conversations, and what ends them.

import { type ChatMessage, DataError, describeValue, type Tokenizer } from '@cola/data'
import { requireMessage } from './messages.ts'
import { startTokens, type TokenSource } from './special-tokens.ts'

/** A text to continue, or a conversation to answer. */
export type TextPrompt = string | readonly ChatMessage[]

/** How prompts become token ids. */
export interface TextFormat {
  readonly tokenizer: Tokenizer
  /** Tokens that an empty text begins with; none where the model names no start or end token. */
  readonly start: readonly number[]
  /** Tokens that end a text. */
  readonly eos_token_id: readonly number[]
  /** Name of the chat template, where the tokenizer has several. */
  readonly chat_template: string | undefined
}

/** The format of a model's texts. */
export const textFormat = (
  model: TokenSource & { tokenizer: Tokenizer },
  { eos_token_id, chat_template }: { eos_token_id: readonly number[]; chat_template?: string | undefined },
): TextFormat => ({
  tokenizer: model.tokenizer,
  start: startTokens(model),
  eos_token_id,
  chat_template: templateName(model, chat_template),
})

/** The name of a chat template, where the model was not opened with one that takes the place of those with names. */
export const templateName = ({ origin }: Pick<TokenSource, 'origin'>, name: string | undefined): string | undefined =>
  origin?.chat_template === undefined ? name : undefined

/**
 * Token ids of a prompt. What the tokenizer puts behind a text ends it, and is left out.
 * @param where Names the prompt in errors.
 * @throws {DataError} for what is neither a text nor messages, and messages that the chat template refuses.
 */
export function promptIds(prompt: TextPrompt, format: TextFormat, where: string): readonly number[] {
  const { tokenizer, start } = format
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  if (typeof prompt !== 'string') return encode(rendered(prompt, format, where))
  const textIds = encode(prompt)
  const built = tokenizer.buildInputs(textIds)
  const ids = built.input_ids.slice(0, built.start + textIds.length)
  return ids.length > 0 ? ids : start
}

/** A conversation as the chat template writes it. */
function rendered(prompt: unknown, { tokenizer, chat_template }: TextFormat, where: string): string {
  if (!Array.isArray(prompt) || prompt.length === 0)
    throw new DataError({
      where,
      what: 'neither a text nor messages',
      expected: 'a string, or an array of { role, content }',
      found: describeValue(prompt),
    })
  const messages = prompt.map((message, i) => requireMessage(message, `${where}, message ${i + 1}`))
  const named = chat_template === undefined ? {} : { chat_template }
  try {
    return tokenizer.applyChatTemplate(messages, { add_generation_prompt: true, ...named })
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError({ ...error.problem, where: `${where}, ${error.problem.where}` }, { cause: error })
  }
}
