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
interface StudentParts extends ClassifierParts, Pick<DistilledStudent, 'evaluation' | 'heldOut' | 'training'> {}

/** Builds the object that `distill` returns. */
export const distilledStudent = ({ evaluation, heldOut, training, ...parts }: StudentParts): DistilledStudent => ({
  ...studentClassifier(parts),
  evaluation,
  heldOut,
  training,
})
