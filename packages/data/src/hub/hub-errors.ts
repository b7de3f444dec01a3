// Errors for requests to the hub that fail, with their remedies.

import { HubError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'

/** The error for a response status. The hub answers 401 for repositories that do not exist or are private. */
export function refused(
  status: number,
  { url, page, hasToken }: { url: string; page: string; hasToken: boolean },
): HubError {
  const giveToken = hasFiles() ? 'run "hf auth login" or set HF_TOKEN' : 'give the option token'
  const login = hasToken ? 'check that the token may read it' : giveToken
  const rows: Readonly<Record<number, { what?: string; fix: string }>> = {
    401: {
      what: 'no such repository, or one that needs a token',
      fix: `Check its name; if it is private or gated, ${login}.`,
    },
    403: { fix: `It is gated or private: ask for access at ${page}, and ${login}.` },
    404: { what: 'no such repository or revision', fix: `Check its name; if it is private, ${login}.` },
    429: { fix: `Too many requests: wait, or ${login}.` },
  }
  return new HubError({
    where: url,
    what: 'the hub refused',
    found: `status ${status}`,
    fix: 'Try again later.',
    ...rows[status],
  })
}

/** The error for a request while HF_HUB_OFFLINE, or the option, forbids it. */
export const offline = (where: string, fix = ''): HubError =>
  new HubError({
    where,
    what: 'HF_HUB_OFFLINE forbids requests',
    fix: `Run once without it (unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE, or the option offline).${fix}`,
  })

/** No response came, or it broke off. */
export class UnreachableError extends HubError {}

/** The error for a request without a valid response. */
export function unreachable(url: string, cause: unknown): UnreachableError {
  const message =
    cause instanceof Error
      ? `${cause.message}${cause.cause instanceof Error ? ` (${cause.cause.message})` : ''}`
      : String(cause)
  return new UnreachableError(
    {
      where: url,
      what: 'the hub could not be reached',
      found: message,
      fix: hasFiles() ? 'Check the network, or give a local folder.' : 'Check the network.',
    },
    { cause },
  )
}
