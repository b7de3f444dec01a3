// @cola/rnn: recurrent students.

export { exportStudent, type StudentExport } from './files/export-student.ts'
export { loadStudent, type SavedStudent, saveStudent, type StudentToSave } from './files/saved-student.ts'
export { type Cell, type CellName, cells } from './student/cells.ts'
export { type DistilRnnConfig, parseDistilRnnConfig, parseStudentConfig, type StudentConfig } from './student/config.ts'
export {
  compact,
  type EmbeddingTable,
  embeddingFrom,
  expand,
  randomEmbedding,
  type Vocabulary,
  vocabularyOf,
} from './student/embedding.ts'
export { distilRnn, type DistilRnnOptions } from './student/graph.ts'
export { distilRnnInference } from './student/inference.ts'
export { distilRnnParameters, distilRnnShapes, randomDistilRnn } from './student/parameters.ts'
export { createStudent, type Student, type StudentOptions } from './student/student.ts'
export { ColaError } from '@cola/train'
