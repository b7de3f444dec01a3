// %% [markdown]
// # The distillation loss in an app
//
// An app that trains nothing here still needs the loss: to watch a deployed student, or to train in another framework.
// Logits in, a number and its gradient out.
//
//     npm run kd-loss -- --file logits.jsonl

// %%
import { kdLoss } from '@cola/distill'
import { readJsonLines } from './support/data.ts'
import { commandLine } from './support/settings.ts'

const settings = commandLine({
  // Lines of JSON, { "student": [0.2, 0.9], "teacher": [-1.1, 2.4], "label": 1 }; empty: none.
  file: '',
})

// %% [markdown]
// ## Three lines
//
// What a student and its teacher say of two sentences of two classes, and which class is right. The loss is
// `alpha * T^2 * KL(teacher || student) + (1 - alpha) * cross-entropy` (Hinton et al. 2015), both sides softened by the
// temperature T.

// %%
const [student, teacher, labels] = [
  [0.2, 0.9, 1.5, -0.3],
  [-1.1, 2.4, 0.1, 0.4],
  [1, 1],
]
const { loss, gradient } = kdLoss(student, teacher, labels, { temperature: 2, alpha: 0.8, scale: 'square' })
console.log(`loss ${loss.toFixed(4)}, its gradient [${Array.from(gradient, (x) => x.toFixed(4)).join(', ')}]`)
// loss 0.7162, its gradient [0.2454, -0.2454, 0.2845, -0.2845]

// %% [markdown]
// ## What the scale does
//
// The gradient of the softened term shrinks as 1/T^2. `square` multiplies by T^2 and keeps its size; `inverse-square`
// divides by it; `none` leaves it.

// %%
const size = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)).toFixed(4)
for (const scale of ['inverse-square', 'none', 'square'] as const) {
  const sizes = [1, 2, 4].map((temperature) =>
    size(kdLoss(student, teacher, labels, { temperature, alpha: 1, scale }).gradient),
  )
  console.log(`${scale.padEnd(15)} T = 1, 2, 4: gradients of size ${sizes.join(', ')}`)
}
// inverse-square  T = 1, 2, 4: gradients of size 0.3733, 0.0321, 0.0023
// none            T = 1, 2, 4: gradients of size 0.3733, 0.1285, 0.0367
// square          T = 1, 2, 4: gradients of size 0.3733, 0.5140, 0.5867

// %% [markdown]
// ## Watching a deployed student
//
// Of a log of both models' logits: the loss of each row says where the student disagrees with its teacher most.

// %%
type Logged = { student: number[]; teacher: number[]; label: number }
const logged = settings.file ? await readJsonLines<Logged>(settings.file) : []
for (const row of logged)
  console.log(kdLoss(row.student, row.teacher, [row.label], { alpha: 1, scale: 'none' }).loss.toFixed(4))
