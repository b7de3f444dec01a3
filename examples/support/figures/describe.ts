// A figure in words, for those who do not see it.

import type { Place, Series } from './chart.ts'
import { extent } from './scales.ts'

export interface Description {
  title: string
  label: string
  majority?: number | undefined
  format: (value: number) => string
}

function course({ name, places }: Series, format: (value: number) => string): string {
  const [first, last] = [places[0], places.at(-1)]
  if (!first || !last) return `${name}: no values`
  const at = ({ epoch, value }: Place): string => `${format(value)} at epoch ${epoch}`
  if (places.length === 1) return `${name}: ${at(first)}`
  const [low, high] = extent(places.map(({ value }) => value)) ?? [Number.NaN, Number.NaN]
  return `${name}: from ${at(first)} to ${at(last)}, between ${format(low)} and ${format(high)}`
}

export const describe = (series: readonly Series[], { title, label, majority, format }: Description): string =>
  [
    `${title}. Line chart of ${label} against epoch`,
    ...series.map((one) => course(one, format)),
    ...(majority === undefined ? [] : [`majority class: ${format(majority)}`]),
  ].join('. ')
