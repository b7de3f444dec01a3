// The chat template of a base without one, beside adapters: one tokenizer serves all where they agree.

import { DataError } from '@cola/data'
import type { BaseModel } from '../load/base-model.ts'
import { type SavedAdapter, withChatTemplate } from './saved-adapter.ts'

type Saved = Partial<Pick<SavedAdapter, 'saved'>>

/**
 * A base without a chat template with that of its adapters, where those that were saved with one have the same. An
 * adapter with a template of its own keeps it. Where they have several, conversations are refused with their names.
 */
export async function withSharedTemplate(base: BaseModel, adapters: ReadonlyMap<string, Saved>): Promise<BaseModel> {
  if ((base.tokenizer.files['tokenizer_config.json'] as { chat_template?: unknown }).chat_template) return base
  const having = [...adapters].filter(([, { saved }]) => saved?.base.chat_template !== undefined)
  const [first] = having
  if (!first) return base
  const templates = new Set(having.map(([, { saved }]) => saved?.base.chat_template))
  if (templates.size > 1) return refusing(base, having)
  const { origin } = base
  // It is not what the base was opened with: an adapter that comes later may have another.
  return { ...(await withChatTemplate(base, first[1].saved)), origin }
}

/** A base whose conversations are refused. */
function refusing(base: BaseModel, having: readonly (readonly [name: string, Saved])[]): BaseModel {
  const names = having.map(([name]) => `"${name}"`).join(', ')
  const applyChatTemplate = (): never => {
    throw new DataError({
      where: 'chat_template',
      what: 'the tokenizer has none, and the adapters have several',
      expected: `an adapter that was saved with one: ${names}`,
      fix:
        'Name one of them with the option adapter, or give a template for all when the generator opens: ' +
        'open: { chat_template }.',
    })
  }
  return { ...base, tokenizer: { ...base.tokenizer, applyChatTemplate } }
}
