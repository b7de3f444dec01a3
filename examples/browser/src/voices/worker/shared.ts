// One generator that all texts share. A voice that comes later is loaded into it; where it does not take the voice,
// another one takes its place, and texts that are under way end with theirs.

import type { Generator } from '@cola/lora'

interface Shared {
  readonly use: <Result>(work: (generator: Generator) => Promise<Result>) => Promise<Result>
  /** Changes the generator that is open, if one is; where that fails the next text opens another one. */
  readonly change: (work: (generator: Generator) => unknown) => Promise<void>
}

interface Open {
  generator: Promise<Generator>
  texts: Set<Promise<unknown>>
}

export function createShared(open: () => Promise<Generator>): Shared {
  let current: Open | undefined
  const renew = () => {
    const old = current
    current = undefined
    if (old) void release(old)
  }
  return {
    async change(work) {
      await current?.generator.then(work).catch(renew)
    },
    async use(work) {
      current ??= { generator: open(), texts: new Set() }
      const { generator, texts } = current
      const text = generator.then(work)
      texts.add(text)
      try {
        return await text
      } finally {
        texts.delete(text)
        // One that could not be opened is not kept.
        await generator.catch(renew)
      }
    },
  }
}

async function release({ generator, texts }: Open): Promise<void> {
  await Promise.allSettled(texts)
  await generator.then((one) => one.release()).catch(() => undefined)
}
