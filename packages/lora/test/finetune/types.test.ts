// What TypeScript infers: the compiler checks it, and nothing runs.

import type { Label, LabelledTable } from '@cola/data'
import { expectTypeOf, it } from 'vitest'
import {
  type Adapter,
  createGenerator,
  fineTune,
  type FineTuned,
  type FineTuneOptions,
  type Generator,
  loadFineTuned,
  type LoraModel,
  openGenerator,
  type OpenedGenerator,
  switchable,
} from '../../src/index.ts'

type Spam = 'spam' | 'ham'
interface Row {
  text: string
  label: Spam
}

/** The label that a classifier answers with. */
type Answer<Call extends (...all: never) => Promise<Pick<FineTuned, 'classify'>>> = Awaited<
  ReturnType<Awaited<ReturnType<Call>>['classify']>
>[number]['label']

it('infers the classes of fineTune from the rows, and from the option that names them', () => {
  const train = [] as Row[]
  const constant = [
    { text: 'a', label: 'spam' },
    { text: 'b', text_pair: 'c', label: 'ham' },
  ] as const
  const strings = [{ text: 'a', label: 'spam' }]
  const several = [] as { text: string; label: Spam[] }[]
  const numbers = [] as { text: string; label: number }[]
  const table = {} as LabelledTable
  const flags = [] as { text: string; label: boolean }[]
  const tune = {
    typed: () => fineTune('model', { train, validation: [{ text: 'c', label: 'ham' }] }),
    constant: () => fineTune('model', { train: constant }),
    strings: () => fineTune('model', { train: strings }),
    inline: () => fineTune('model', { train: [{ text: 'a', label: 'spam' }] }),
    several: () => fineTune('model', { train: several }),
    numbers: () => fineTune('model', { train: numbers, problem_type: 'regression' }),
    flags: () => fineTune('model', { train: flags }),
    named: () => fineTune('model', { train, labels: ['spam', 'ham', 'other'] as const }),
    named2: () => fineTune('model', { train, labels: ['spam', 'ham', 'other'] }),
    unset: () => fineTune<'SEQ_CLS'>('model', { train }),
    table: () => fineTune('model', { train: table, validation: table }),
    tableRows: () => fineTune('model', { train: table, validation: table.rows }),
    indexed: () => fineTune('model', { train: table.rows, labels: table.classes }),
    indexedNamed: () => fineTune('model', { train: table.rows, labels: ['spam', 'ham'] as const }),
    tableNamed: () => fineTune('model', { train: table, labels: ['spam', 'ham'] }),
    tableAsserted: () => fineTune<'SEQ_CLS', Spam>('model', { train: table, labels: ['spam', 'ham'] }),
    stringsNamed: () => fineTune('model', { train: strings, labels: ['spam', 'ham'] }),
    stringsListed: (labels: string[]) => fineTune('model', { train: table, labels }),
  }
  expectTypeOf<Answer<typeof tune.typed>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.constant>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.strings>>().toEqualTypeOf<string>()
  expectTypeOf<Answer<typeof tune.inline>>().toEqualTypeOf<string>()
  expectTypeOf<Answer<typeof tune.several>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.table>>().toEqualTypeOf<string>()
  expectTypeOf<Answer<typeof tune.tableRows>>().toEqualTypeOf<string>()
  expectTypeOf<Answer<typeof tune.indexed>>().toEqualTypeOf<string>()
  // A regression answers with a number alone.
  expectTypeOf<Answer<typeof tune.numbers>>().toEqualTypeOf<number | undefined>()
  expectTypeOf<Answer<typeof tune.flags>>().toEqualTypeOf<boolean>()
  expectTypeOf<Answer<typeof tune.named>>().toEqualTypeOf<Spam | 'other'>()
  expectTypeOf<Answer<typeof tune.named2>>().toEqualTypeOf<Spam | 'other'>()
  expectTypeOf<Answer<typeof tune.indexedNamed>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.tableNamed>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.tableAsserted>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.stringsNamed>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof tune.stringsListed>>().toEqualTypeOf<string>()
  expectTypeOf<Answer<typeof tune.unset>>().toEqualTypeOf<Label | undefined>()
  expectTypeOf<Awaited<ReturnType<typeof tune.typed>>['labels']>().toEqualTypeOf<readonly Spam[]>()
  void ((words: string[]) =>
    fineTune('model', { task: 'TOKEN_CLS', train: [{ words, tags: words }], labels: ['O', 'B-PER'] }))
  // @ts-expect-error: a language model has no classes
  void (() => fineTune('model', { task: 'CAUSAL_LM', train: ['a'], labels: ['a', 'b'] }))
  // @ts-expect-error: a row without a text
  void (() => fineTune('model', { train: [{ label: 'spam' }] }))
  // @ts-expect-error: a field that no row has
  void (() => fineTune('model', { train: [{ text: 'a', label: 'spam', class: 'ham' }] }))
})

it('knows what the scores of one’s own are made of', () => {
  void (() =>
    fineTune('model', {
      train: [{ text: 'a', label: 'spam' }],
      compute_metrics: ({ predictions, rows, examples }) => {
        expectTypeOf(predictions).toEqualTypeOf<readonly (readonly number[])[]>()
        expectTypeOf(rows[0]?.text).toEqualTypeOf<string | undefined>()
        expectTypeOf(examples[0]?.target).toEqualTypeOf<readonly number[] | undefined>()
        return { one: 1 }
      },
    }))
  void (() =>
    fineTune('model', {
      task: 'TOKEN_CLS',
      train: [{ words: ['a'], tags: ['O'] }],
      compute_metrics: async ({ predictions }) => ({ tags: predictions[0]?.tags.length ?? 0 }),
    }))
  void (() =>
    loadFineTuned('adapter', {
      task: 'CAUSAL_LM',
      compute_metrics: ({ metrics, loss }) => ({ ...metrics, bits: loss / Math.LN2 }),
    }))
  // @ts-expect-error: a text is no score
  void (() => fineTune('model', { train: [{ text: 'a', label: 'spam' }], compute_metrics: () => ({ one: 'a' }) }))
})

it('has models of known classes where those of any are asked for', () => {
  expectTypeOf<FineTuned<'SEQ_CLS', Spam>>().toExtend<FineTuned>()
  expectTypeOf<FineTuneOptions<'SEQ_CLS', Spam>>().toExtend<FineTuneOptions>()
})

it('infers the classes of an adapter from the option that names them', () => {
  const load = {
    named: () => loadFineTuned('adapter', { labels: ['spam', 'ham'] }),
    constant: () => loadFineTuned('adapter', { labels: ['spam', 'ham'] as const }),
    saved: () => loadFineTuned('adapter'),
    tagger: () => loadFineTuned('adapter', { task: 'TOKEN_CLS' }),
  }
  expectTypeOf<Answer<typeof load.named>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof load.constant>>().toEqualTypeOf<Spam>()
  expectTypeOf<Answer<typeof load.saved>>().toEqualTypeOf<Label | undefined>()
  expectTypeOf<Awaited<ReturnType<typeof load.tagger>>>().toEqualTypeOf<FineTuned<'TOKEN_CLS'>>()
})

it('infers the names of a generator from its adapters', () => {
  const adapter = {} as Adapter
  const named = () => openGenerator('model', { adapters: { poet: 'poet', lawyer: adapter } })
  const created = async () => createGenerator(switchable({} as LoraModel, { poet: adapter }), { config: {} })
  const some = (adapters: Record<string, string>) => openGenerator('model', { adapters })
  const base = () => openGenerator('model')
  type Of<Call extends (...all: never) => Promise<object>> = Awaited<ReturnType<Call>>
  expectTypeOf<Of<typeof named>>().toEqualTypeOf<OpenedGenerator<'poet' | 'lawyer'>>()
  expectTypeOf<Of<typeof created>>().toEqualTypeOf<Generator<'poet'>>()
  expectTypeOf<Of<typeof some>>().toEqualTypeOf<OpenedGenerator>()
  expectTypeOf<Of<typeof base>>().toEqualTypeOf<OpenedGenerator>()
  expectTypeOf<Generator<'poet'>>().toExtend<Generator>()
  expectTypeOf<OpenedGenerator<'poet'>>().toExtend<Generator>()
  const later = (generator: Generator<'poet'>) => generator.loadAdapter('cook', 'folder')
  expectTypeOf<Of<typeof later>>().toEqualTypeOf<Generator<'poet' | 'cook'>>()
  void (async () => {
    const generator = await named()
    await generator.generate('a', { adapter: 'poet' })
    // @ts-expect-error: no such adapter
    await generator.generate('a', { adapter: 'port' })
    // @ts-expect-error: no such adapter
    generator.stream(['a'], { adapter: 'port' })
    // @ts-expect-error: no such adapter
    generator.streamTexts(['a'], { adapter: 'port' })
  })
})
