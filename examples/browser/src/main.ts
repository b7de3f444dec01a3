// Puts the page together: one state, one worker, a function for each section.

import type { Calls, Told } from './messages.ts'
import { distilSection } from './page/distil-section.ts'
import { examplesSection } from './page/examples-section.ts'
import { keepSection } from './page/keep-section.ts'
import { machinePanel } from './page/machine.ts'
import { mistakesSection } from './page/mistakes-section.ts'
import { modelSection } from './page/model-section.ts'
import { showProblem } from './page/problems.ts'
import { resumeNotice } from './page/resume.ts'
import { shelfSection } from './page/shelf-section.ts'
import { createStore, type Page } from './page/state.ts'
import { stepList } from './page/steps.ts'
import { trainingSection } from './page/training-section.ts'
import { trySection } from './page/try-section.ts'
import { connect, WorkerError } from './page/worker.ts'

const store = createStore({
  rows: [],
  tableName: '',
  choice: { kind: 'embedded' },
  model: undefined,
  plan: undefined,
  run: 'idle',
  adapter: undefined,
  adapters: [],
  student: false,
})
// Properties, not a spread: `state` is a getter.
const page: Page = Object.assign(
  Object.create(store),
  connect<Calls, Told>(
    () => new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' }),
    (error) => showProblem('problem', error),
  ),
)

stepList(page)
machinePanel(page)
examplesSection(page)
modelSection(page)
const training = trainingSection(page)
trySection(page)
mistakesSection(page)
distilSection(page)
keepSection(page)
shelfSection(page)
resumeNotice(page, training)
page.on('storage', ({ error }) => showProblem('problem', new WorkerError(error)))
