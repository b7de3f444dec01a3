// @cola/distill: losses between a student and its teacher, teachers whose logits are cached, and the training of
// students.

export {
  distillation,
  lossWeights,
  type PairGraphOptions,
  pairLossGraph,
  sumOfLosses,
  type Term,
} from './losses/graph-losses.ts'
export type { HiddenStatesOptions } from './losses/hidden-states.ts'
export type { DistillationOptions, LabelOptions, Scale, TemperatureOptions } from './losses/loss-options.ts'
export type { PairLossName } from './losses/pair-functions.ts'
export { type PairLoss, pairLosses } from './losses/pairs.ts'
export { crossEntropyLoss, kdLoss, type PairInput, pairLoss } from './losses/plain-losses.ts'
export type { ValueAndGradient } from './losses/row-numerics.ts'
export { type ProjectionOptions, withProjection } from './losses/with-projection.ts'
export { distill } from './run/distill.ts'
export type { DistilledStudent } from './run/distilled-student.ts'
export type { StudentExportOptions } from './run/export-classifier.ts'
export { loadDistilled, type LoadDistilledOptions } from './run/load-distilled.ts'
export type { ComputeMetrics, DistillExample, DistillOptions, DistillRow } from './run/options.ts'
export type { StudentClassification, StudentClassifier, StudentEvaluation } from './run/student-classifier.ts'
export type { Collate, StudentModel } from './run/student-model.ts'
export type { TransferTexts } from './run/transfer-texts.ts'
export { averageTeachers } from './teacher/average-teachers.ts'
export { balanced } from './teacher/balanced.ts'
export { cachedTeacher } from './teacher/cached-teacher.ts'
export type { TeacherSource } from './teacher/open-teacher.ts'
export type { Split, Teacher, TextStates } from './teacher/teacher.ts'
export { type LogitsOfTexts, teacherFromClassifier, type TextClassifier } from './teacher/teacher-from-classifier.ts'
export { teacherFromFile } from './teacher/teacher-from-file.ts'
export type { StudentConfig } from '@cola/rnn'
export { ColaError } from '@cola/train'
export { consoleProgress } from '@cola/train'
