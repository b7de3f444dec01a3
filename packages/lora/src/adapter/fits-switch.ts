// Whether an adapter that comes later fits a switchable model, whose inputs were made for others.

import { AdapterError } from '../errors.ts'
import type { Switched } from './switch-inputs.ts'

/** What the inputs of a switchable model have to hold of an adapter. */
export type Needs = Pick<Switched, 'targets' | 'saved' | 'rank' | 'use_dora' | 'lora_bias'>

/** @throws {AdapterError} naming what an adapter has for which the model has no inputs. */
export function requireFit(name: string, needs: Needs, has: Needs): void {
  const lacking = [
    ...[...needs.targets.keys()].filter((layer) => !has.targets.has(layer)),
    ...needs.saved.filter((parameter) => !has.saved.includes(parameter)),
    ...(['use_dora', 'lora_bias'] as const).filter((field) => needs[field] && !has[field]),
    ...(needs.rank > has.rank ? [`rank ${needs.rank}`] : []),
  ]
  if (lacking.length === 0) return
  throw new AdapterError({
    where: `adapter "${name}"`,
    what: 'the model was opened without inputs for it',
    expected: `rank ${has.rank} at most, and nothing that no adapter had which it was opened with`,
    found: lacking.length > 3 ? `${lacking.slice(0, 3).join(', ')} and ${lacking.length - 3} more` : lacking.join(', '),
    fix: 'Open it again with this adapter among the others.',
  })
}
