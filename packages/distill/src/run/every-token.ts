// Every token teaches: what a run with the option `hidden_states` has beside its loss.

import type { Loss } from '@cola/graph'
import { ConfigError } from '@cola/train'
import { distillation, isTerms, sumOfLosses } from '../losses/graph-losses.ts'
import { projectionName, withHiddenStatesTerm } from '../losses/hidden-states.ts'
import { hiddenStatesOf } from '../teacher/hidden-states.ts'
import type { Teacher } from '../teacher/teacher.ts'
import { type EncodeContext, encodeUnlabelled } from './encode-rows.ts'
import type { ReadOptions } from './options.ts'
import type { StudentModel } from './student-model.ts'
import { requireTokens } from './token-targets.ts'

/**
 * The student with the projection of its states, and the loss with their term. The teacher is asked for one text: for
 * the width of its states, and to see that the student reads it as the same tokens.
 * @throws {ConfigError} for a student or a teacher that shows no states, and a layer that the student lacks;
 * {FeedError} for other tokens.
 */
export async function everyToken(
  { loss, hidden_states = {}, train, transfer, splits, cache_dir, loop }: ReadOptions,
  student: StudentModel,
  teacher: Teacher,
  context: EncodeContext,
): Promise<{ student: StudentModel; loss: Loss; statesWidth: number }> {
  const { hiddenStates: layers } = student
  const where = 'distill, option hidden_states'
  if (!layers)
    throw new ConfigError({
      where,
      what: 'the student shows no hidden states of its tokens',
      fix: 'Give it as a configuration, or a model with `hiddenStates`.',
    })
  if (!teacher.hiddenStates)
    throw new ConfigError({
      where,
      what: 'the teacher shows no hidden states of its tokens',
      expected: 'hiddenStates(texts)',
      fix: 'Give one model of fineTune or loadFineTuned of @cola/lora.',
    })
  const hidden = layers.at(hidden_states.layer ?? -1)
  if (hidden === undefined)
    throw new ConfigError({
      where: `${where}, layer`,
      what: 'the student has no such layer',
      expected: `${-layers.length} to ${layers.length - 1}`,
      found: String(hidden_states.layer),
    })
  const first = train[0] ? { name: splits.train, texts: [train[0].text] } : undefined
  const probe = first ?? { name: splits.transfer, texts: transfer.slice(0, 1) }
  const { width, chunks } = await hiddenStatesOf(teacher, probe, { folder: cache_dir })
  const [example] = encodeUnlabelled(probe.texts, probe.name, context).examples
  requireTokens(example?.input_ids ?? [], chunks[0]?.input_ids ?? new Int32Array(), `split "${probe.name}", row 1`)
  const { model, term } = withHiddenStatesTerm(student.model, { ...hidden_states, hidden, width, seed: loop.seed })
  const terms = isTerms(loss) ? loss : [{ loss: distillation(loss) }]
  return {
    student: {
      ...student,
      model,
      parameters: (trained) => {
        const own = new Map([...trained].filter(([name]) => name !== projectionName))
        return student.parameters?.(own) ?? own
      },
    },
    loss: sumOfLosses([...terms, term]),
    statesWidth: width,
  }
}
