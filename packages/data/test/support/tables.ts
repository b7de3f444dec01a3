import { parseTable } from '../../src/index.ts'

/** What was warned of while a table was read. */
export async function warnings(content: string | Uint8Array, format: string): Promise<string[]> {
  const messages: string[] = []
  await parseTable(content, format, 'x', { onWarning: (message) => messages.push(message) })
  return messages
}
