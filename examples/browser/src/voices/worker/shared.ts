// One generator that all texts share. When a voice is added another one takes its place; texts that are under way end
// with theirs.

import type { Generator } from '@cola/lora'

interface Shared {
  readonly use: <Result>(work: (generator: Generator) => Promise<Result>) => Promise<Result>
  /** Lets the next text open another one. */
  readonly renew: () => void
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
    renew,
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
