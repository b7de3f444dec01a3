// The main page's calls, answered by its studio.

import { answerPage } from './door.ts'
import { createStudio } from './studio.ts'

export const answerCalls = (early: Parameters<typeof answerPage>[0]): void => answerPage(early, createStudio)
