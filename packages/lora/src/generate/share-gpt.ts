// Conversations as ShareGPT has them: from and value in place of role and content.

/** The code that makes messages of them. @param name Of the array. */
const messagesOf = (name: string): string =>
  `${name}.map(({ from, value }) => ` +
  "({ role: from === 'human' ? 'user' : from === 'gpt' ? 'assistant' : from, content: value }))"

/** What to do about an array of such messages. */
export const shareGptFix = `They are ShareGPT's: ${messagesOf('messages')}.`

/** What to do about rows of them, in a column of this name. */
export const shareGptRowsFix = (name: string): string =>
  `They are ShareGPT's: rows.map(({ ${name} }) => ({ messages: ${messagesOf(name)} })).`

/** Whether a value is an array of such messages. */
export const isShareGpt = (value: unknown): boolean =>
  Array.isArray(value) && typeof value[0] === 'object' && value[0] !== null && 'from' in value[0] && 'value' in value[0]
