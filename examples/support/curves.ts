// Figures of a training run: accuracy and loss against epoch, on training and validation rows.

import type { EpochLog } from '@cola/train'
import { drawFigure, type FigureOptions } from './figures.ts'

interface Quantity extends Pick<FigureOptions, 'label' | 'percent' | 'bounds'> {
  train: (log: EpochLog) => number | undefined
  validation: (log: EpochLog) => number | undefined
}

const quantities = {
  accuracy: {
    ...{ label: 'accuracy', percent: true, bounds: [0, 1] },
    train: ({ train_metrics }) => train_metrics.accuracy,
    validation: ({ eval_metrics }) => eval_metrics.accuracy,
  },
  loss: {
    ...{ label: 'loss (nats)', bounds: [0, Number.POSITIVE_INFINITY] },
    train: ({ train_loss }) => train_loss,
    validation: ({ eval_loss }) => eval_loss,
  },
} as const satisfies Record<string, Quantity>

export interface CurveOptions {
  /** What was trained. */
  title: string
  /** Share of the majority class among the validation rows, a line in the figure of accuracy. @default none */
  majority?: number
  /** Of the files. @default the quantity */
  name?: string
}

/** Writes NAME.svg and NAME.png to a folder. @returns the figure in words */
export function drawCurve(
  folder: string,
  quantity: keyof typeof quantities,
  history: readonly EpochLog[],
  { title, majority, name = quantity }: CurveOptions,
): string {
  const { train, validation, ...options }: Quantity = quantities[quantity]
  const points = Object.entries({ train, validation }).flatMap(([series, read]) =>
    history.map((log) => ({ epoch: log.epoch, value: read(log) ?? Number.NaN, series })),
  )
  return drawFigure(folder, name, points, {
    ...options,
    title: `${title}: ${quantity} against epoch`,
    majority: quantity === 'accuracy' ? majority : undefined,
  })
}
