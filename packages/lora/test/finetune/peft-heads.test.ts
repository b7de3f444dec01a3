// Adapters that PEFT trained of transformers' classes for encoders open with loadFineTuned, from bytes: logits, merged
// logits, loss and gradients are PyTorch's.

import { memorySink } from '@cola/data'
import { type Tensor, toFloat32 } from '@cola/graph'
import { generateArtifacts, loadClassifier, sgd, TrainingSession } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { type FineTuned, loadFineTuned, openAdapter, openBase, writeAdapter } from '../../src/index.ts'
import { problemTypes } from '../../src/tasks/problem-types.ts'
import { adapterOf, baseOf, expectedOf, texts, values } from '../support/peft-heads.ts'

const low = ['low', 'middle', 'high']
const three = ['LABEL_0', 'LABEL_1', 'LABEL_2']
/** Kinds of heads, with the classes and the problem that the base's configuration and the head say. */
const kinds = [
  ['roberta', low, 'single_label_classification'],
  ['electra', low, 'multi_label_classification'],
  ['mpnet', three, 'single_label_classification'],
  ['distilbert', [], 'regression'],
  ['bert', three.slice(0, 2), 'single_label_classification'],
  ['albert', three, 'single_label_classification'],
  ['deberta-v2', three, 'single_label_classification'],
  ['modernbert', three, 'single_label_classification'],
  ['eurobert', three, 'single_label_classification'],
] as const

describe.each(kinds)('PEFT’s adapter of %s', (kind, labels, problem_type) => {
  const expected = expectedOf(kind)
  const withTuned = async (options: object, work: (tuned: FineTuned) => Promise<void>) => {
    const tuned = await loadFineTuned(adapterOf(kind), { base: baseOf(kind), ...options })
    await work(tuned)
    await tuned.release()
  }

  it('opens in two lines, with PEFT’s logits', () =>
    withTuned({}, async (tuned) => {
      expect(tuned.labels).toEqual(labels)
      expect(tuned.settings).toMatchObject({ problem_type, head: { bias: true } })
      expect(await tuned.logits(texts)).toBeAllclose(values(expected.get('logits')), { atol: 1e-5 })
      expect(await tuned.classify(texts)).toHaveLength(texts.length)
      expect((await tuned.hiddenStates(texts))[0]?.states.length).toBe(5 * 16)
    }))

  it('is merged, exported and saved', () =>
    withTuned({ merge: true }, async (tuned) => {
      const merged = values(expected.get('merged'))
      expect(await tuned.logits(texts)).toBeAllclose(merged, { atol: 1e-5 })
      const exported = memorySink('exported')
      await tuned.export(exported, { layout: 'hub' })
      const classifier = await loadClassifier(exported, { file: 'onnx/model.onnx' })
      expect(await classifier.logits(texts)).toBeAllclose(merged, { atol: 1e-5 })
      await classifier.release()
      const saved = memorySink('saved')
      await tuned.save(saved)
      const again = await loadFineTuned(saved, { base: baseOf(kind) })
      expect(again.settings).toEqual(tuned.settings)
      expect(await again.logits(texts)).toBeAllclose(values(expected.get('logits')), { atol: 1e-5 })
      await again.release()
    }))

  it('is written as PEFT wrote it', () =>
    withTuned({}, async (tuned) => {
      const [written, read] = [memorySink('written'), await openAdapter(adapterOf(kind))]
      writeAdapter(written, await tuned.adapted())
      const again = await openAdapter(written)
      expect([...again.tensors.keys()].sort()).toEqual([...read.tensors.keys()].sort())
      for (const [name, tensor] of read.tensors) expect(values(again.tensors.get(name)), name).toEqual(values(tensor))
      expect(again.config).toEqual({ ...read.config, inference_mode: true })
    }))

  it('trains on: loss and gradients are PyTorch’s', () =>
    withTuned({}, async (tuned) => {
      const base = await openBase(baseOf(kind))
      const model = await tuned.adapted()
      const artifacts = generateArtifacts(model, {
        loss: problemTypes[tuned.settings.problem_type].loss({ label_smoothing: 0 }),
        optimizer: sgd(),
      })
      const session = await TrainingSession.create({ artifacts, device: 'cpu' })
      const labels = expected.get('labels') as Tensor
      const data = toFloat32(labels)
      const wanted = labels.dtype === 'int64' ? Int32Array.from(data) : data
      const { loss } = await session.runTrainStep({
        ...base.batches(model.graph)(texts.map((text) => ({ input_ids: base.tokenizer.encode(text) }))).batch,
        labels: { data: wanted, dims: labels.dims },
      })
      const gradients = await session.getGradients()
      await session.release()
      expect(loss).toBeCloseTo(values(expected.get('loss'))[0] as number, 5)
      const names = [...expected.keys()].filter((name) => name.startsWith('grad.'))
      expect(gradients.size).toBe(names.length)
      for (const [name, gradient] of gradients) {
        const reference = expected.get(`grad.${name}`) ?? expected.get(`grad.base_model.model.${name}`)
        expect(toFloat32(gradient), name).toBeAllclose(values(reference), { atol: 1e-5 })
      }
    }))
})
