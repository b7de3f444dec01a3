// Whether a chat template writes what messages say: one that does not is Jinja, too.

import { type ChatMessage, DataError, type Tokenizer } from '@cola/data'

/** A plain word, which a template may trim or write in capitals. */
const word = 'mulberry'

/** Messages whose last one says the word. */
const saying = (messages: readonly ChatMessage[]): ChatMessage[] =>
  messages.map((message, i) => (i === messages.length - 1 ? { ...message, content: word } : message))

/**
 * Whether a chat template leaves out what the last of the messages says. A template that refuses a word there, which
 * may have to be JSON, is not judged.
 * @param chat_template Name of the template, where the tokenizer has several.
 * @throws {DataError} for a template that cannot be parsed, or is not there.
 */
export function leavesOut(
  { applyChatTemplate }: Pick<Tokenizer, 'applyChatTemplate'>,
  messages: readonly ChatMessage[],
  chat_template?: string,
): boolean {
  if (typeof messages.at(-1)?.content !== 'string') return false
  try {
    const text = applyChatTemplate(saying(messages), chat_template === undefined ? {} : { chat_template })
    return !text.toLowerCase().includes(word)
  } catch (error) {
    if (error instanceof DataError && error.problem.what === 'it refuses the messages') return false
    throw error
  }
}
