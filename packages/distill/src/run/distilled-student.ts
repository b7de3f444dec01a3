// A student that was trained just now: the classifier, and its run.

import type { Label } from '@cola/data'
import type { TrainResult } from '@cola/train'
import {
  type ClassifierParts,
  type StudentClassifier,
  studentClassifier,
  type StudentEvaluation,
} from './student-classifier.ts'

/** A student that `distill` trained. @typeParam L Names of the classes. */
export interface DistilledStudent<L extends Label = Label> extends StudentClassifier<L> {
  /** Scores of the validation rows with the weights that the run ended with; undefined without them. */
  readonly evaluation: StudentEvaluation | undefined
  /** The same of each held-out split. */
  readonly heldOut: Readonly<Record<string, StudentEvaluation>>
  /** The run. */
  readonly training: TrainResult
}

/** What a distilled student is made of. */
interface StudentParts extends ClassifierParts, Pick<DistilledStudent, 'evaluation' | 'heldOut' | 'training'> {
  /** The teacher as it was given: nothing is written into its folder. */
  teacher: unknown
}

/** Builds the object that `distill` returns. */
export function distilledStudent({ evaluation, heldOut, training, teacher, ...parts }: StudentParts): DistilledStudent {
  const student = studentClassifier(parts)
  const elsewhere =
    <Call extends 'save' | 'export'>(call: Call) =>
    async (...args: Parameters<DistilledStudent[Call]>): Promise<void> => {
      const { refuseTeacherFolder } = await import('./teacher-folder.ts')
      refuseTeacherFolder(call, args[0], teacher)
      return (student[call] as (...args: unknown[]) => Promise<void>)(...args)
    }
  return { ...student, save: elsewhere('save'), export: elsewhere('export'), evaluation, heldOut, training }
}
