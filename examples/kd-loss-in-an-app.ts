// The distillation loss in an app that trains nothing here: logits in, a number and its gradient out.
// node --import tsx examples/kd-loss-in-an-app.ts

import { readFileSync } from 'node:fs'
import { kdLoss } from '@cola/distill'

// ## Three lines: what a student and its teacher say of two sentences, and which class is right
const [student, teacher, labels] = [
  [0.2, 0.9, 1.5, -0.3],
  [-1.1, 2.4, 0.1, 0.4],
  [1, 1],
]
const { loss, gradient } = kdLoss(student, teacher, labels, { temperature: 2, alpha: 0.8, scale: 'square' })
console.log(
  `loss ${loss.toFixed(4)}, gradient with respect to the student's logits [${Array.from(gradient, (x) => x.toFixed(4)).join(', ')}]`,
)

// ## What the scale does: the same logits at three temperatures, and the size of the gradient they give
const size = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)).toFixed(4)
for (const scale of ['inverse-square', 'none', 'square'] as const) {
  const sizes = [1, 2, 4].map((temperature) =>
    size(kdLoss(student, teacher, labels, { temperature, alpha: 1, scale }).gradient),
  )
  console.log(`${scale.padEnd(15)} T = 1, 2, 4: gradients of size ${sizes.join(', ')}`)
}

// ## An app that watches a deployed student: where does it disagree with its teacher most?
const lines = process.argv[2]
  ? (readFileSync(process.argv[2], 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)) as { student: number[]; teacher: number[]; label: number }[])
  : []
for (const row of lines)
  console.log(kdLoss(row.student, row.teacher, [row.label], { alpha: 1, scale: 'none' }).loss.toFixed(4))
