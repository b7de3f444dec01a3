// The calls of the page of voices.

import { answerPage } from '../../worker/door.ts'
import { createVoices } from './voices.ts'

export const answerCalls = (early: Parameters<typeof answerPage>[0]): void => answerPage(early, createVoices)
