// Checks conversations.

import { type ChatMessage, DataError, describeValue } from '@cola/data'
import { isBlank } from '@cola/graph/options'
import { shareGptFix } from './share-gpt.ts'

/** @throws {DataError} naming the row and the message, for what is no array of messages with a role and a text. */
export function requireMessages(row: object, field: string, where: string): ChatMessage[] {
  const value = (row as Readonly<Record<string, unknown>>)[field]
  if (!Array.isArray(value) || value.length === 0)
    throw new DataError({
      where: `${where}, field "${field}"`,
      what: 'no messages',
      expected: 'an array of { role, content }',
      found: describeValue(value),
    })
  return value.map((message: unknown, i) => requireMessage(message, `${where}, field "${field}", message ${i + 1}`))
}

/**
 * What a message has beside its text, such as the calls of tools, may stand alone.
 * @throws {DataError} naming the message, for one without a role, or without anything else.
 */
export function requireMessage(message: unknown, where: string): ChatMessage {
  const { role, content, ...others } = (message ?? {}) as Partial<ChatMessage>
  if (typeof role !== 'string' || role === '')
    throw new DataError({
      where,
      what: 'no role',
      expected: 'system, user, assistant',
      found: describeValue(role),
      ...('from' in others ? { fix: shareGptFix } : {}),
    })
  if (typeof content === 'string' && !isBlank(content)) return message as ChatMessage
  const named = content == null ? otherNames.find((name) => typeof others[name] === 'string') : undefined
  if (Object.keys(others).length > 0 && !named) return message as ChatMessage
  throw new DataError({
    where,
    what: typeof content === 'string' ? 'an empty text' : 'not a text',
    expected: 'content, a string',
    found: describeValue(content),
    ...(named ? { fix: `Rename ${named} to content.` } : {}),
  })
}

/** What elsewhere is called `content`: a template would leave it out. */
const otherNames = ['text', 'value', 'message']
