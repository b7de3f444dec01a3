// @cola/distill: losses between a student and its teacher, teachers whose logits are cached, and the training of
// students.

export { crossEntropyLoss, kdLoss, type PairInput, pairLoss } from './losses/app.ts'
export {
  distillation,
  lossWeights,
  type PairGraphOptions,
  pairLossGraph,
  sumOfLosses,
  type Term,
} from './losses/graph.ts'
export type { DistillationOptions, LabelOptions, Scale, TemperatureOptions } from './losses/options.ts'
export { type PairLoss, type PairLossName, pairLosses } from './losses/pairs.ts'
export { type ProjectionOptions, withProjection } from './losses/projection.ts'
export type { ValueAndGradient } from './losses/plain.ts'
export {
  distill,
  type DistillData,
  type DistillOptions,
  type DistillResult,
  type DistillRow,
  type Scores,
  type StudentModel,
} from './run/distill.ts'
export { cachedTeacher } from './teacher/cache.ts'
export {
  averageTeachers,
  balanced,
  type Split,
  type Teacher,
  teacherFromClassifier,
  teacherFromFile,
} from './teacher/teacher.ts'
