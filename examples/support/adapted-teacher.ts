// A base model with an adapter of PEFT's as a teacher: its logits, and its hidden states token by token.

import { encodeTexts } from '@cola/data'
import { type Teacher, teacherFromClassifier } from '@cola/distill'
import { openHiddenStates, type TextStates } from '@cola/lora'
import { crossEntropy, type Device, evaluateRows, modelFingerprint, openEvaluation } from '@cola/train'
import { openAdapted } from './adapted.ts'

/** Opens both on first use: what was cached needs neither session. */
export async function adaptedTeacher(
  baseName: string,
  adapter: string,
  { device }: { device: Device },
): Promise<Teacher> {
  const { base, model } = await openAdapted(baseName, adapter, { file: '', pooling: '' })
  const batches = base.batches(model.graph)
  let fingerprint: string | undefined
  let reader: ReturnType<typeof openHiddenStates> | undefined
  return {
    ...teacherFromClassifier({
      logits: async (texts) => {
        const session = await openEvaluation(model, { loss: crossEntropy(), device })
        const { rows } = encodeTexts(base.tokenizer, texts, {
          max_length: base.max_length,
          vocab_size: base.vocab_size,
        })
        const { predictions } = await evaluateRows(session, rows, {
          collate: (batch) => ({
            ...batches(batch).batch,
            labels: { data: new Int32Array(batch.length), dims: [batch.length] },
          }),
          predict: ({ logits }, batch) => {
            const width = (logits?.data.length ?? 0) / batch.length
            return batch.map((_, i) => Array.from(logits?.data.subarray(i * width, (i + 1) * width) ?? []))
          },
          tokens: ({ input_ids }) => input_ids.length,
          batch_size: 64,
        })
        await session.release()
        return Float32Array.from(predictions.flat())
      },
      hiddenStates: async (texts): Promise<TextStates[]> => {
        reader ??= openHiddenStates(base, model, { device, batch_size: 64 })
        return (await reader).hiddenStates(texts)
      },
      fingerprint: () => {
        fingerprint ??= modelFingerprint(model.graph, [base.config, base.tokenizer.files])
        return fingerprint
      },
    }),
    tokenizer: base.tokenizer,
  }
}
