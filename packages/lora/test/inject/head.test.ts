import { describe, expect, it } from 'vitest'
import { readText, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { moved } from '../../../../tools/moved.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { loadAdapter, lora, withHead, writeAdapter } from '../../src/index.ts'
import { exported, head, models } from '../support/peft-adapters.ts'

const folder = temporaryFolders()

describe('a head', () => {
  const labels = ['greeting', 'question', 'order']
  const model = withHead(exported('llama'), { ...head, labels })
  const out = folder('head')

  it('is saved as what it was trained, and held against the model’s', () => {
    writeAdapter(out, moved(lora(model, { task_type: 'SEQ_CLS', r: 2, target_modules: ['q_proj'] }), 1))
    expect(JSON.parse(readText(out, 'head_config.json'))).toEqual({
      head: 'score',
      num_labels: 3,
      pooling: 'last',
      id2label: { 0: 'greeting', 1: 'question', 2: 'order' },
    })
    const adapter = readAdapter(out)
    expect(loadAdapter(model, adapter).head).toEqual({ ...head, labels })
    expect(loadAdapter(models.llama, adapter).head?.labels).toEqual(labels)
    const refused = (options: object) => () =>
      loadAdapter(withHead(exported('llama'), { ...head, ...options }), adapter)
    expect(refused({ pooling: 'mean' })).toThrow(
      /field "pooling".*expected last, found mean.*withHead\(model, \{ pooling: 'last'/,
    )
    expect(refused({ labels: ['question', 'greeting', 'order'] })).toThrow(
      /field "labels".*expected \["greeting","question","order"\]/,
    )
    expect(refused({ num_labels: 2 })).toThrow(/field "num_labels".*expected 3, found 2/)
    expect(refused({ name: 'classifier' })).toThrow(/field "name".*expected score, found classifier/)
  })

  it('that nothing trains is said', () => {
    const untrained = lora(model, { r: 2, target_modules: ['q_proj'] })
    expect(untrained.warnings).toEqual([expect.stringMatching(/head "score" is not among what is trained/)])
    expect(lora(model, { r: 2, target_modules: ['q_proj'], task_type: 'SEQ_CLS' }).warnings).toEqual([])
  })

  it('has one name a class', () => {
    expect(() => withHead(exported('llama'), { ...head, labels: ['a'] })).toThrow(/"labels".*expected 3/)
    writeText(out, 'head_config.json', '{"head":"score","num_labels":3,"pooling":"max"}')
    expect(() => readAdapter(out)).toThrow(/head_config\.json, field "pooling"/)
  })
})
