// Types of rows that are read: texts in CSV and TSV, unknown values in JSON, or what the caller says the table holds.

import { expectTypeOf, it } from 'vitest'
import { type ChatMessage, parseRecords, readRecords } from '../../src/index.ts'

interface Chat {
  messages: ChatMessage[]
  source?: string
}
type Rows<Call extends () => Promise<unknown>> = Awaited<ReturnType<Call>>

it('types columns by the format', () => {
  const read = {
    csv: () => readRecords('data/a.b.csv', { columns: ['text', 'label'] }),
    named: () => readRecords(new Blob(), { format: 'tsv', columns: ['text'] }),
    whole: () => readRecords('a.tsv'),
    json: () => readRecords('chat.jsonl', { columns: ['messages'] }),
    bytes: () => readRecords(new Uint8Array(), { format: 'jsonl' }),
    parsed: () => parseRecords('', 'csv', 'x', { columns: ['text'] }),
    parsedJson: () => parseRecords('', 'json'),
  }
  expectTypeOf<Rows<typeof read.csv>>().toEqualTypeOf<Record<'text' | 'label', string>[]>()
  expectTypeOf<Rows<typeof read.named>>().toEqualTypeOf<Record<'text', string>[]>()
  expectTypeOf<Rows<typeof read.whole>>().toEqualTypeOf<Record<string, string>[]>()
  expectTypeOf<Rows<typeof read.json>>().toEqualTypeOf<Record<'messages', unknown>[]>()
  expectTypeOf<Rows<typeof read.bytes>>().toEqualTypeOf<Record<string, unknown>[]>()
  expectTypeOf<Rows<typeof read.parsed>>().toEqualTypeOf<Record<'text', string>[]>()
  expectTypeOf<Rows<typeof read.parsedJson>>().toEqualTypeOf<Record<string, unknown>[]>()
})

it('takes the type of a row, with its columns', () => {
  const read = {
    whole: () => readRecords<Chat>('chat.jsonl'),
    columns: () => readRecords<Chat>('chat.jsonl', { columns: ['messages'] }),
    parsed: () => parseRecords<Chat>('', 'jsonl', 'x', { columns: ['messages'] }),
  }
  expectTypeOf<Rows<typeof read.whole>>().toEqualTypeOf<Chat[]>()
  expectTypeOf<Rows<typeof read.columns>>().toEqualTypeOf<Chat[]>()
  expectTypeOf<Rows<typeof read.parsed>>().toEqualTypeOf<Chat[]>()
  // @ts-expect-error: a column that a row has not
  void (() => readRecords<Chat>('chat.jsonl', { columns: ['message'] }))
})
