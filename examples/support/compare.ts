// Runs over several seeds: their mean, and two kinds of runs against each other on the same rows.

import { accuracy, matthewsCorrelation, mcnemar, pairedBootstrap } from '@cola/data'
import { percent } from './progress.ts'

export const three = (x: number): string => x.toFixed(3)

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const deviation = (values: readonly number[]): number =>
  values.length < 2 ? 0 : Math.sqrt(values.reduce((sum, x) => sum + (x - mean(values)) ** 2, 0) / (values.length - 1))

/** Mean and standard deviation over runs. */
export const spread = (values: readonly number[], format: (x: number) => string): string =>
  `${format(mean(values))} ± ${format(deviation(values))}`

/** Predictions for the same rows by runs of two kinds, one of each a seed, and the rows' classes. */
export interface Pairs {
  without: readonly (readonly number[])[]
  with: readonly (readonly number[])[]
  truth: readonly number[]
}

/** The runs of all seeds laid end to end: each row once a seed, the same rows for both. */
const laidOut = ({ without, with: others, truth }: Pairs) => ({
  without: without.flat(),
  with: others.flat(),
  truth: others.flatMap(() => truth),
})

/** With minus without, over all seeds. */
function bootstrap(metric: typeof accuracy, pairs: Pairs) {
  const all = laidOut(pairs)
  return pairedBootstrap(metric, all.without, all.with, all.truth, { seed: 1, runs: pairs.with.length })
}

export const comparisonHeader = ['rows', 'test', 'with − without', '95% interval', 'p']

/** Rows of a table under {@link comparisonHeader}. */
export function comparison(name: string, pairs: Pairs): string[][] {
  const first = mcnemar(pairs.without[0] ?? [], pairs.with[0] ?? [], pairs.truth)
  const all = laidOut(pairs)
  const every = mcnemar(all.without, all.with, all.truth)
  const rows = ({ onlySecond, onlyFirst }: typeof first) => `${onlySecond} − ${onlyFirst} = ${onlySecond - onlyFirst}`
  const interval = (test: string, metric: typeof accuracy, format: (x: number) => string): string[] => {
    const { difference, interval: ends, p } = bootstrap(metric, pairs)
    return [
      name,
      `${test}, all seeds; paired bootstrap over rows`,
      format(difference),
      ends.map(format).join(' to '),
      three(p),
    ]
  }
  return [
    [name, 'rows that only one gets right, first seed; McNemar', rows(first), '', three(first.p)],
    [name, 'the same, all seeds', rows(every), '', ''],
    interval('accuracy', accuracy, percent),
    interval('MCC', matthewsCorrelation, three),
  ]
}

/** What came out, in a sentence, of which the second part is in bold type. */
export function verdict(name: string, pairs: Pairs): string {
  const { difference, p } = bootstrap(matthewsCorrelation, pairs)
  const change =
    `MCC on ${name} ${difference >= 0 ? 'rises' : 'falls'} by ${three(Math.abs(difference))} with distillation ` +
    `(p ${three(p)} over ${pairs.with.length} ${pairs.with.length === 1 ? 'seed' : 'seeds'})`
  if (p >= 0.05) return `${change}: no more than noise. **Distillation does not help here.**`
  return `${change}. **Distillation ${difference > 0 ? 'helps' : 'hurts'} here.**`
}
