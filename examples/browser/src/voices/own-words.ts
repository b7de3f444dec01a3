// What goes wrong with voices, in the page's words; the rest is said as on the main page.

import { showProblem } from '../page/problems.ts'
import { WorkerError } from '../page/worker.ts'

interface Words {
  what: string
  fix: string
}

const rows: readonly (readonly [RegExp, Words])[] = [
  [/position table/, { what: 'This beginning is too long for the small model', fix: 'Shorten it to 25 words or so.' }],
  [
    /fine-tuned for another task/,
    { what: 'This adapter is no voice: it was trained to classify', fix: 'The main page opens it.' },
  ],
  [
    /does not fit the model|no such parameter/,
    { what: 'This adapter was made for another model', fix: 'Load one that was trained on the model of this page.' },
  ],
  [
    /adapter_(config|model)\.|safetensors header/,
    {
      what: 'These files are no adapter',
      fix: "Choose the zip, or adapter_config.json and adapter_model.safetensors of PEFT's folder together.",
    },
  ],
  [/option train\b/, { what: 'A voice has no texts to learn from', fix: 'Write some, one a line.' }],
  [/option epochs/, { what: 'The epochs are no whole number of at least 1', fix: 'Set them in the settings.' }],
  [/option (temperature|max_new_tokens)/, { what: 'A setting is out of its range', fix: 'See the settings below.' }],
]

/** Shows an error in a place of the page. */
export function showInOwnWords(place: string, error: unknown): void {
  const { name, message } = error as Error
  const problem = rows.find(([pattern]) => pattern.test(message))?.[1]
  showProblem(place, problem ? new WorkerError({ name, message, problem: { ...problem, where: message } }) : error)
}

/** Runs work; an error is shown in a place, which is cleared first. @returns What the work gave, or undefined. */
export async function attempt<Result>(place: string, work: () => Promise<Result>): Promise<Result | undefined> {
  showProblem(place)
  try {
    return await work()
  } catch (error) {
    showInOwnWords(place, error)
    return undefined
  }
}
