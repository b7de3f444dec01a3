// What an error asks about an adapter that does not fit its model.

import type { AdapterConfigJson } from '../methods/method.ts'

/** Whether the adapter is for another model, with the model that its configuration names. */
export function askedBase({
  base_model_name_or_path: base,
}: Pick<AdapterConfigJson, 'base_model_name_or_path'>): string {
  return `Is it an adapter for another model?${base ? ` Its configuration names "${base}".` : ''}`
}
