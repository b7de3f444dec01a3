// Conversations as one text, by a model's chat template: the only importer of @huggingface/jinja.

import { Template } from '@huggingface/jinja'
import { DataError } from '../errors.ts'

/** One turn of a conversation. Templates may read further fields, such as `tool_calls`. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the template knows. */
  readonly role: string
  readonly content?: string | null
  readonly [field: string]: unknown
}

export interface ChatTemplateOptions {
  /** End with what opens an answer of the assistant. @default false */
  add_generation_prompt?: boolean
  /** Name of the template, where tokenizer_config.json has several. @default 'default' */
  chat_template?: string
}

/** `chat_template` of tokenizer_config.json: one template, or several with names. */
export type ChatTemplateJson = string | readonly { readonly name: string; readonly template: string }[]

/** Renders a conversation. */
export type ChatTemplate = (messages: readonly ChatMessage[], options?: ChatTemplateOptions) => string

const where = 'chat_template'

/**
 * The templates of a tokenizer as one function; transformers' apply_chat_template with `tokenize=False`.
 * @param json Undefined for a tokenizer without.
 * @param specialTokens `bos_token`, `eos_token` and others, which templates write.
 * @returns A function that throws {DataError} for a missing template, one that does not parse, and messages that it
 * refuses, such as roles that do not alternate.
 */
export function chatTemplateOf(
  json: ChatTemplateJson | null | undefined,
  specialTokens: Readonly<Record<string, string>>,
): ChatTemplate {
  const parsed = new Map<string, Template>()
  return (messages, { add_generation_prompt = false, chat_template } = {}) => {
    const source = sourceOf(json, chat_template)
    const template = parsed.get(source) ?? parse(source)
    parsed.set(source, template)
    try {
      // Templates test `tools is not none`: a name that is not defined would pass.
      return template.render({ tools: null, documents: null, ...specialTokens, messages, add_generation_prompt })
    } catch (cause) {
      throw new DataError(
        {
          where,
          what: 'it refuses the messages',
          found: `${(cause as Error).message}; roles ${messages.map(({ role }) => role).join(', ')}`,
          fix: 'Use the roles, and their order, that the template allows.',
        },
        { cause },
      )
    }
  }
}

function parse(source: string): Template {
  try {
    return new Template(source)
  } catch (cause) {
    throw new DataError(
      { where, what: 'not a Jinja template that can be read', found: (cause as Error).message },
      { cause },
    )
  }
}

/** @throws {DataError} for a tokenizer without a template, or without one of that name. */
function sourceOf(json: ChatTemplateJson | null | undefined, name: string | undefined): string {
  if (json == null || json.length === 0)
    throw new DataError({
      where,
      what: 'the tokenizer has none',
      expected: 'chat_template in tokenizer_config.json, or a file chat_template.jinja beside it',
      fix: 'Use a model that was made for conversations, or texts instead of messages.',
    })
  if (typeof json === 'string') {
    if (name === undefined) return json
    throw new DataError({ where, what: 'it has no name', found: JSON.stringify(name), fix: 'Leave the name out.' })
  }
  const found = json.find((one) => one.name === (name ?? 'default'))?.template
  if (found !== undefined) return found
  throw new DataError({
    where,
    what: 'no template of that name',
    expected: json.map((one) => one.name).join(', '),
    found: name ?? 'default',
    fix: 'Name one with the option chat_template.',
  })
}
