// The third section: what will be trained, the training itself, and its curves.

import type { EpochPoint, OpenRun, TrainSettings } from '../messages.ts'
import { lineChart, type Point } from './chart.ts'
import { byId, el, fill, show } from './dom.ts'
import { fact, shareBar, tableHead } from './parts.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'
import { count, durationText, parametersText, percent, plural } from './words.ts'

const numbers = { epochs: 'epochs', learning_rate: 'rate', rank: 'rank', batch_size: 'batch' } as const

export interface TrainingSection {
  /** Takes up a run that was under way when the page was left. */
  readonly resume: (run: OpenRun) => Promise<void>
}

export function trainingSection(page: Page): TrainingSection {
  const device = byId('device', HTMLSelectElement)
  const inputs = [...Object.values(numbers), 'held'].map((id) => byId(id, HTMLInputElement))
  const [train, pause] = [byId('train', HTMLButtonElement), byId('pause', HTMLButtonElement)]
  const live = liveRun(page)

  const settings = (): TrainSettings => ({
    ...(Object.fromEntries(
      Object.entries(numbers).map(([name, id]) => [name, byId(id, HTMLInputElement).valueAsNumber]),
    ) as Record<keyof typeof numbers, number>),
    heldOut: byId('held', HTMLInputElement).valueAsNumber / 100,
    device: device.value as TrainSettings['device'],
  })
  const setSettings = ({ heldOut, device: name, ...rest }: TrainSettings) => {
    for (const [key, id] of Object.entries(numbers))
      byId(id, HTMLInputElement).value = String(rest[key as keyof typeof numbers])
    byId('held', HTMLInputElement).value = String(Math.round(100 * heldOut))
    device.value = name
  }

  const plan = async () => {
    const { rows, model, run } = page.state
    if (run !== 'idle') return
    const ready = model !== undefined && new Set(rows.map(({ label }) => label)).size > 1
    page.change({ plan: undefined })
    if (!ready || inputs.some((input) => !input.checkValidity())) return
    const made = await attempt('train-problem', () => page.call('plan', { rows, settings: settings() }))
    if (page.state.rows === rows && page.state.model === model) page.change({ plan: made })
  }
  page.watch(['rows', 'model'], () => void plan())
  for (const input of [...inputs, device]) input.addEventListener('change', () => void plan())
  page.watch(['plan'], showPlan)

  const run = async (name: string, chosen: TrainSettings) => {
    page.change({ run: 'training' })
    live.start()
    const { rows } = page.state
    const result = await attempt('train-problem', () => page.call('train', { name, rows, settings: chosen }))
    page.change({ run: 'idle' })
    live.end(result)
    // Other rows were chosen meanwhile.
    if (page.state.rows !== rows) void plan()
    if (!result) return
    const adapters = await page.call('adapters', undefined)
    page.change({ adapter: result.adapter, adapters, student: false })
  }
  train.addEventListener('click', () => void run(page.state.tableName || 'adapter', settings()))
  pause.addEventListener('click', () => {
    const paused = page.state.run === 'training'
    page.change({ run: paused ? 'paused' : 'training' })
    void page.call('pause', paused)
  })
  byId('stop').addEventListener('click', () => void page.call('stop', undefined))
  page.watch(['plan', 'run'], ({ plan: made, run: state }) => {
    const running = state !== 'idle'
    train.disabled = made === undefined || running
    show(!running, train)
    show(running, pause, byId('stop'))
    pause.textContent = state === 'paused' ? 'Go on' : 'Pause'
    for (const input of [...inputs, device]) input.disabled = running
  })
  return {
    resume: async ({ rows, settings: kept, name, model: choice }) => {
      page.change({ run: 'training' })
      const model = await attempt('model-problem', () => page.call('open', choice))
      if (!model) return page.change({ run: 'idle' })
      setSettings(kept)
      const plan = await attempt('train-problem', () => page.call('plan', { rows, settings: kept }))
      page.change({ rows, tableName: name, choice, model, plan, adapters: await page.call('adapters', undefined) })
      return run(name, kept)
    },
  }
}

function showPlan({ plan }: Page['state']): void {
  show(plan === undefined, byId('plan-empty'))
  show(plan !== undefined, byId('plan'))
  if (!plan) return
  const { total, trainable, classes, truncated, max_length, steps, notes } = plan
  const rows = classes.reduce((sum, { train, heldOut }) => sum + train + heldOut, 0)
  fill(
    byId('plan-facts'),
    fact('Trained', parametersText(trainable), `of ${parametersText(total)} parameters, ${percent(trainable / total)}`),
    fact('Classes', count(classes.length)),
    fact('Steps', count(steps)),
    fact(
      'Cut rows',
      count(truncated),
      truncated ? `of ${count(rows)}: longer than ${max_length} tokens` : `none is longer than ${max_length} tokens`,
    ),
  )
  const most = Math.max(...classes.map(({ train, heldOut }) => train + heldOut))
  fill(
    byId('plan-classes'),
    el('caption', {}, 'Rows of each class'),
    tableHead('Class', 'Trained on', 'Held out'),
    el(
      'tbody',
      {},
      ...classes.map(({ label, train, heldOut }) => {
        const bar = shareBar((train + heldOut) / most)
        return el('tr', {}, el('th', { scope: 'row' }, label, bar), el('td', {}, train), el('td', {}, heldOut))
      }),
    ),
  )
  fill(byId('plan-notes'), ...notes.map((note) => el('p', { class: 'note' }, note)))
}

/** The live part: the progress line, the curves, and what is said of each epoch. */
function liveRun(page: Page) {
  const [bar, now, said] = [byId('train-progress', HTMLProgressElement), byId('train-now'), byId('train-said')]
  let total = 1
  let losses: Point[] = []
  let epochs: EpochPoint[] = []
  let began = { at: 0, step: 0 }
  /** Where a run was taken up: what is said of each epoch begins with it. */
  let takenUp = ''
  const loss = lineChart(byId('loss-chart'), {
    label: 'Loss by step',
    end: () => total,
    format: (y) => y.toFixed(y < 10 ? 2 : 0),
  })
  const score = lineChart(byId('score-chart'), {
    label: 'Share of right answers by step',
    end: () => total,
    range: [0, 1],
    format: (y) => `${Math.round(100 * y)}%`,
  })
  const draw = () => {
    loss.set(
      losses,
      epochs.flatMap(({ step, eval_loss: y }) => (y === undefined ? [] : [{ x: step, y }])),
    )
    const points = (of: (epoch: EpochPoint) => number | undefined) =>
      epochs.map((epoch) => ({ x: epoch.step, y: of(epoch) ?? Number.NaN }))
    score.set(
      points(({ train_accuracy }) => train_accuracy),
      points(({ eval_accuracy }) => eval_accuracy).filter(({ y }) => Number.isFinite(y)),
    )
  }
  page.on('begin', ({ total_steps, resumed_from, history }) => {
    total = total_steps
    epochs = [...history]
    losses = history.map(({ step, train_loss }) => ({ x: step, y: train_loss }))
    began = { at: performance.now(), step: resumed_from }
    takenUp = resumed_from > 0 ? `Taken up at step ${resumed_from} of ${total_steps}. ` : ''
    said.textContent = takenUp
    draw()
  })
  page.on('step', ({ step, epoch, loss: value, tokens_per_second }) => {
    losses.push({ x: step, y: value })
    bar.max = total
    bar.value = step
    const seconds = ((performance.now() - began.at) / 1000 / Math.max(1, step - began.step)) * (total - step)
    now.textContent = `Step ${step} of ${total}, epoch ${epoch}, ${Math.round(tokens_per_second)} tokens a second, about ${durationText(seconds)} left`
    draw()
  })
  page.on('epoch', ({ event: _, ...epoch }) => {
    epochs.push(epoch)
    const { eval_accuracy, train_accuracy } = epoch
    const shares = [
      train_accuracy !== undefined && `${percent(train_accuracy)} right while training`,
      eval_accuracy !== undefined && `${percent(eval_accuracy)} of the held-out rows`,
    ].filter(Boolean)
    said.textContent = `${takenUp}Epoch ${epoch.epoch}: ${shares.join(', ') || `loss ${epoch.train_loss.toFixed(3)}`}.`
    draw()
  })
  page.on('warning', ({ message }) =>
    byId('plan-notes').append(el('p', { class: 'note' }, message.replace(/\.?$/, '.'))),
  )
  page.watch(['run'], ({ run }) => {
    if (run === 'paused') now.textContent = 'Paused. The weights so far are kept.'
  })
  return {
    start: () => {
      show(true, byId('progress'))
      losses = []
      epochs = []
      bar.value = 0
      now.textContent = 'Preparing …'
      said.textContent = ''
      draw()
    },
    end: (result: { stopped: string; best: number | undefined; seconds: number } | undefined) => {
      now.textContent = ''
      if (!result) return
      const kept = result.best === undefined ? '' : ` The weights of epoch ${result.best}, the best, are kept.`
      const how = result.stopped === 'aborted' ? 'Stopped' : 'Trained'
      fill(
        said,
        `${how} in ${durationText(result.seconds)}, ${plural(epochs.length, 'epoch')}.${kept} `,
        el('a', { class: 'link', href: '#try' }, 'Try it'),
      )
    },
  }
}
