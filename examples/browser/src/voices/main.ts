// The page of voices: one state, one worker, a function for each part.

import { byId, fill } from '../page/dom.ts'
import { fact } from '../page/parts.ts'
import { showProblem } from '../page/problems.ts'
import { createStore } from '../page/state.ts'
import { bytesText, parametersText } from '../page/words.ts'
import { connect } from '../page/worker.ts'
import type { Calls, Told } from './messages.ts'
import type { Page, State } from './state.ts'
import { voicesSection } from './voices-section.ts'
import { writeSection } from './write-section.ts'

const store = createStore<State>({ voices: [], model: undefined, opened: 0, training: false })
// Properties, not a spread: `state` is a getter.
const page: Page = Object.assign(
  Object.create(store),
  connect<Calls, Told>(
    () => new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' }),
    (error) => showProblem('problem', error),
  ),
)

voicesSection(page)
writeSection(page)
page.on('opened', ({ times }) => page.change({ opened: times }))
page.watch(['model', 'voices', 'opened'], ({ model, voices, opened }) => {
  const bytes = voices.reduce((sum, voice) => sum + voice.bytes, 0)
  const times = opened === 1 ? 'once' : `${opened} times`
  fill(
    byId('model'),
    fact('In memory', 'once', model ? `${parametersText(model.parameters)} parameters` : 'opening …'),
    fact('Voices beside it', String(voices.length), voices.length > 0 ? `${bytesText(bytes)} together` : 'none yet'),
    fact('Session', opened === 0 ? 'not open yet' : `opened ${times}`, 'never for a message'),
  )
})
page.call('open', undefined).then(
  (model) => page.change({ model }),
  (error: unknown) => showProblem('problem', error),
)
