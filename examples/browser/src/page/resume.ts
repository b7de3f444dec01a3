// Goes on with a run that was under way when the page was left.

import { byId, show } from './dom.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'
import type { TrainingSection } from './training-section.ts'
import { plural } from './words.ts'

export function resumeNotice(page: Page, training: TrainingSection): void {
  const notice = byId('resume')
  byId('resume-drop').addEventListener('click', async () => {
    show(false, notice)
    await page.call('stop', undefined)
  })
  void attempt('problem', async () => {
    const run = await page.call('interrupted', undefined)
    if (!run) return
    const { name, rows, step, total_steps } = run
    byId('resume-text').textContent =
      `It goes on from step ${step} of ${total_steps}: “${name}”, ${plural(rows.length, 'row')}. Nothing was lost.`
    show(true, notice)
    await training.resume(run)
    show(false, notice)
  })
}
