// The script of a page that trains in a worker, on two threads.

import { configureRuntime, createTrainingWorker } from '@cola/train'
import { artifacts, threeLosses } from './training.js'

const log = document.querySelector('#log')
const warnings = []
try {
  configureRuntime({ numThreads: 2 })
  const onWarning = (message) => warnings.push(message)
  const session = await createTrainingWorker({ folder: artifacts(), device: 'wasm', onWarning })
  log.textContent = JSON.stringify({ losses: await threeLosses(session), warnings })
  document.title = 'done'
} catch (error) {
  log.textContent = error.stack
  document.title = 'failed'
}
