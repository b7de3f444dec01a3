// Renders conversations with a model's chat template. Loaded for tokenizers that have one.

import { type Checks, checkOptions, flag, listOf, text } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import {
  type ChatTemplate,
  type ChatTemplateJson,
  type ChatTemplateOptions,
  noChatTemplate,
  where,
} from './chat-template.ts'
import { type Renderer, Template } from './jinja.ts'

const checks: Checks<ChatTemplateOptions> = {
  add_generation_prompt: flag,
  chat_template: text,
  generation_marks: listOf(text, 2),
}
const templateFix = "Take the model's own tokenizer_config.json, or chat_template.jinja."

/**
 * A function that renders a tokenizer's templates; transformers' apply_chat_template with `tokenize=False`.
 * @param specialTokens `bos_token`, `eos_token` and others, which are variables of templates.
 * @returns The function throws {DataError} for a missing name, a template that cannot be parsed, or messages that the
 * template refuses, such as roles that do not alternate; {ConfigError} for an option that is unknown.
 */
export function chatTemplateOf(json: ChatTemplateJson, specialTokens: Readonly<Record<string, string>>): ChatTemplate {
  if (json.length === 0) return noChatTemplate
  const parsed = new Map<string, InstanceType<Renderer>>()
  return (messages, options = {}) => {
    checkOptions('applyChatTemplate', options, checks)
    const { add_generation_prompt = false, chat_template, generation_marks = ['', ''] } = options
    const source = withMarks(sourceOf(json, chat_template), generation_marks)
    const template = parsed.get(source) ?? parse(source)
    parsed.set(source, template)
    try {
      // Templates test `tools is not none`, which holds for an undefined variable.
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

/**
 * A template that writes marks, in blocks that take the space around them as the template's own do: the library would
 * leave these out before it looks at space.
 */
const withMarks = (source: string, [begin, end]: readonly [string, string]): string =>
  source.replaceAll(
    /{%([-+]?)\s*(end)?generation\s*([-+]?)%}/g,
    (_, left: string, isEnd: string | undefined, right: string) =>
      `{%${left} if true %}{{ ${JSON.stringify(isEnd ? end : begin)} }}{% endif ${right}%}`,
  )

function parse(source: string): InstanceType<Renderer> {
  try {
    return new Template(source)
  } catch (cause) {
    // The parser reads past the end where a block is open.
    const found = cause instanceof TypeError ? 'a block without its end, such as endif' : (cause as Error).message
    throw new DataError({ where, what: 'not a Jinja template that can be read', found, fix: templateFix }, { cause })
  }
}

/** @throws {DataError} for what is neither a template nor a list of templates with names. */
function requireTemplates(json: unknown): void {
  const isNamed = (entry: unknown): boolean => {
    const { name, template } = (entry ?? {}) as { name?: unknown; template?: unknown }
    return typeof name === 'string' && typeof template === 'string'
  }
  if (typeof json === 'string' || (Array.isArray(json) && json.every(isNamed))) return
  throw new DataError({
    where,
    what: 'not a template',
    expected: 'a text, or an array of objects with the texts name and template',
    found: describeValue(json),
    fix: templateFix,
  })
}

/** The template with a name. @throws {DataError} if the tokenizer has none with the name. */
function sourceOf(json: ChatTemplateJson, name: string | undefined): string {
  requireTemplates(json)
  if (typeof json === 'string') {
    if (name === undefined) return json
    throw new DataError({ where, what: 'it has no name', found: JSON.stringify(name), fix: 'Leave the name out.' })
  }
  const source = json.find((entry) => entry.name === (name ?? 'default'))?.template
  if (source !== undefined) return source
  throw new DataError({
    where,
    what: 'no template of that name',
    expected: json.map((entry) => entry.name).join(', '),
    found: name ?? 'default',
    fix: 'Name one with the option chat_template.',
  })
}
