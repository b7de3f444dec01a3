// Chat templates: what they take, and tokenizers without one. Those with one have a file of their own, which renders.

import { DataError } from '../errors.ts'

/** One turn of a conversation. Templates may read further fields, such as `tool_calls`. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or another role of the template. */
  readonly role: string
  readonly content?: string | null
  readonly [field: string]: unknown
}

/** Options of rendering a chat by the model's template, as in transformers' apply_chat_template. */
export interface ChatTemplateOptions {
  /** Add the beginning of an answer of the assistant. @default false */
  add_generation_prompt?: boolean
  /** Name of the template, if tokenizer_config.json has several. @default 'default' */
  chat_template?: string
  /**
   * Written where the template has `{% generation %}` and `{% endgeneration %}`, which enclose what the assistant says.
   * @default nothing
   */
  generation_marks?: readonly [begin: string, end: string]
}

/** `chat_template` of tokenizer_config.json: one template, or several with names. */
export type ChatTemplateJson = string | readonly { readonly name: string; readonly template: string }[]

/** Renders a conversation. */
export type ChatTemplate = (messages: readonly ChatMessage[], options?: ChatTemplateOptions) => string

/** File with the chat template alone, as newer models have it. */
export const chatTemplateFile = 'chat_template.jinja'

/** For messages. */
export const where = 'chat_template'

/** The template of a tokenizer without one. @throws {DataError} always. */
export const noChatTemplate: ChatTemplate = () => {
  throw new DataError({
    where,
    what: 'the tokenizer has none',
    expected: 'chat_template in tokenizer_config.json, or a file chat_template.jinja beside it',
    fix: 'Give one: that file, or open: { chat_template }; or take texts instead of messages.',
  })
}
