// The assistant's turns in the text of a conversation: what alone is learned with `assistant_only_loss`.

import { type ChatMessage, DataError, describeValue, type LanguageModelText, type TextSpan } from '@cola/data'

/** Stand where a template has `{% generation %}` and its end; Unicode has no characters of these numbers. */
const generation_marks = ['\uFDD0', '\uFDD1'] as const

/** Writes messages by the chat template. */
export type Render = (
  messages: readonly ChatMessage[],
  options?: { add_generation_prompt?: boolean; generation_marks?: readonly [string, string] },
) => string

/**
 * A conversation with the places of the assistant's turns: what the template's `{% generation %}` encloses; else, of a
 * template without it, what each turn adds to the prompt for it.
 * @throws {DataError} for a conversation without such turns, and a template that writes the prompt for a turn otherwise
 * than the whole conversation begins.
 */
export function assistantTurns(messages: readonly ChatMessage[], render: Render, where: string): LanguageModelText {
  const text = render(messages)
  const marked = render(messages, { generation_marks })
  const spans = marked === text ? turnsByPrefix(messages, text, render, where) : markedSpans(marked)
  if (spans.length > 0) return { text, spans }
  throw new DataError({
    where,
    what: 'no turn of the assistant, which assistant_only_loss learns',
    expected: 'a message with role assistant',
    found: messages.map(({ role }) => role).join(', '),
    fix: 'Leave the conversation out, or train without assistant_only_loss.',
  })
}

/** What stands between marks, counted without them. */
function markedSpans(marked: string): TextSpan[] {
  const [begin, end] = generation_marks
  let at = 0
  return marked.split(begin).flatMap((part, i) => {
    const [inside = '', after] = part.split(end)
    const start = at
    at += inside.length + (after?.length ?? 0)
    return i === 0 || inside === '' ? [] : [[start, start + inside.length] as const]
  })
}

const turnsByPrefix = (messages: readonly ChatMessage[], text: string, render: Render, where: string): TextSpan[] =>
  messages.flatMap(({ role }, i) => {
    if (role !== 'assistant') return []
    const before = render(messages.slice(0, i), { add_generation_prompt: true })
    const after = render(messages.slice(0, i + 1))
    for (const prefix of [before, after]) if (!text.startsWith(prefix)) throw noPrefix(where, i, prefix, text)
    return before.length < after.length ? [[before.length, after.length] as const] : []
  })

/** The error of a template such as one that leaves out the thoughts of earlier turns. */
function noPrefix(where: string, i: number, prefix: string, text: string): DataError {
  const differs = [...prefix].findIndex((_, at) => !text.startsWith(prefix.slice(0, at + 1)))
  const from = Math.max(0, differs - 20)
  return new DataError({
    where: `${where}, message ${i + 1}, chat_template`,
    what: 'the template writes the conversation up to this turn otherwise than at the beginning of the whole',
    expected: describeValue(text.slice(from, from + 40)),
    found: describeValue(prefix.slice(from, from + 40)),
    fix: 'Give a template that has {% generation %} and {% endgeneration %} around turns: open: { chat_template }.',
  })
}
