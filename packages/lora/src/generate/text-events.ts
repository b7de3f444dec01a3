// Texts token by token: prompts become ids, and ids the new text of their row.

import { checkValue, object } from '@cola/graph/options'
import { checkGenerate } from './check-generate.ts'
import { type FinishReason, generateChecks, type NextTokenModel, streamTokens } from './generate-tokens.ts'
import { cut, decoderOf } from './new-text.ts'
import { promptPlace, requirePrompts } from './prompts.ts'
import { promptIds, type TextFormat, type TextPrompt } from './text-format.ts'
import type { GenerateTextsOptions } from './text-options.ts'

/** What a call generates with. */
interface TextCall {
  readonly format: TextFormat
  readonly limits: Pick<NextTokenModel, 'vocab_size' | 'max_length'>
  /** Opens the model for the call, after its prompts were checked. */
  readonly start: () => Promise<Pick<NextTokenModel, 'logits' | 'joins' | 'end'>>
}

/** What a call generates with, and its options without those that only its model has. */
export type Begin<Further> = (options: GenerateTextsOptions & Further) => readonly [TextCall, GenerateTextsOptions]

/** A new token of a text, or its end. */
export interface TextEvent {
  readonly row: number
  /** The row's new text so far, up to a stop string. */
  readonly text: () => string
  /** At its end. */
  readonly reason?: FinishReason
}

/** The tokens that continue a prompt, and the text that such tokens add to it. */
interface NewText {
  readonly ids: number[]
  readonly decode: (ids: readonly number[]) => string
}

const { attention_mask: _, ...checks } = generateChecks

/** The tokens and the ends of texts, as they come. */
export async function* textEvents<Further>(
  begin: Begin<Further>,
  prompts: Iterable<TextPrompt>,
  given: GenerateTextsOptions & Further,
): AsyncGenerator<TextEvent, void, undefined> {
  checkValue('generate, options', given, object)
  const [{ format, limits, start }, rest] = begin(given)
  checkGenerate(rest, checks)
  const { onToken, onFinish, ...options } = rest
  const listed = Array.isArray(prompts) ? Array.from(prompts as readonly TextPrompt[]) : undefined
  const rows = new Map<number, NewText>()
  const ended: TextEvent[] = []
  const tokensOf = (prompt: TextPrompt, row: number): readonly number[] => {
    const ids = promptIds(prompt, format, promptPlace(row, listed?.length))
    rows.set(row, { ids: [], decode: decoderOf(format.tokenizer, ids) })
    return ids
  }
  const textOf = ({ decode, ids }: NewText) => cut(decode(ids), options)
  const finish = (reason: FinishReason, row: number): void => {
    onFinish?.(reason, row)
    const text = rows.get(row) as NewText
    rows.delete(row)
    ended.push({ row, text: () => textOf(text), reason })
  }
  const all = listed?.map(tokensOf)
  // Before the weights of the model with its cache are read.
  if (all) requirePrompts(all, limits)
  if (options.signal?.aborted) throw options.signal.reason
  if (all?.length === 0) return
  const decode = (ids: readonly number[], row: number) => rows.get(row)?.decode(ids) ?? ''
  const model: NextTokenModel = { ...(await start()), ...limits, decode }
  for await (const { row, id } of streamTokens(model, all ?? mapped(prompts, tokensOf), {
    ...options,
    eos_token_id: options.eos_token_id ?? format.eos_token_id,
    onFinish: finish,
  })) {
    yield* ended.splice(0)
    const found = rows.get(row) as NewText
    found.ids.push(id)
    onToken?.(id, textOf(found), row)
    yield { row, text: () => textOf(found) }
  }
  yield* ended
}

function* mapped<In, Out>(items: Iterable<In>, map: (item: In, i: number) => Out): Generator<Out, void, undefined> {
  let i = 0
  for (const item of items) yield map(item, i++)
}
