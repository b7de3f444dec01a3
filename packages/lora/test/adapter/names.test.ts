// Tensor names in PEFT's files.

import { cloneGraph, renameValues } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { adapterTensors, ConfigError, loadAdapter, lora, type LoraConfig, writeAdapter } from '../../src/index.ts'
import { models } from '../support/peft-adapters.ts'

const folder = temporaryFolders()

describe('names', () => {
  it('are the bare model’s for FEATURE_EXTRACTION, and the classifier’s otherwise', () => {
    const first = (config: LoraConfig) =>
      [...adapterTensors(lora(models.bert, { r: 2, target_modules: ['query'], ...config })).keys()][0]
    expect(first({ task_type: 'FEATURE_EXTRACTION' })).toBe(
      'base_model.model.encoder.layer.0.attention.self.query.lora_A.weight',
    )
    expect(first({})).toBe('base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight')
  })

  it('of a bare model leave out transformers’ prefix alone: OPTModel has its decoder in a module of its own', () => {
    const graph = cloneGraph(models.bert.graph)
    const moved = (name: string) => name.replace(/^bert\./, 'model.decoder.')
    renameValues(
      graph,
      new Map([...graph.initializers.keys()].filter((name) => moved(name) !== name).map((name) => [name, moved(name)])),
    )
    const opt = lora(
      { graph, trainable: new Set() },
      { r: 2, target_modules: ['query'], task_type: 'FEATURE_EXTRACTION' },
    )
    const [name] = adapterTensors(opt).keys()
    expect(name).toBe('base_model.model.decoder.encoder.layer.0.attention.self.query.lora_A.weight')
  })

  it('that end in one of modules_to_save are trained, at a dot or not, with all that is in them', () => {
    const saved = (modules_to_save: string[], config: LoraConfig = {}) =>
      [...lora(models.llama, { r: 2, target_modules: ['q_proj'], modules_to_save, ...config }).trainable].filter(
        (name) => !name.includes('lora_'),
      )
    expect(saved(['norm'])).toHaveLength(5)
    expect(saved(['model.norm'])).toEqual(['model.norm.weight'])
    expect(saved(['layers.1.mlp']).map((name) => name.split('.').at(-2))).toEqual(['gate_proj', 'up_proj', 'down_proj'])
    expect(saved(['ore'])).toEqual(['score.weight'])
    expect(saved([], { task_type: 'TOKEN_CLS' })).toEqual(['score.weight'])
  })

  it('that lie in one another are warned of: PEFT cannot load what it saves of them', () => {
    const { warnings } = lora(models.llama, {
      r: 2,
      target_modules: ['q_proj'],
      modules_to_save: ['layers.1.mlp', '1.mlp.up_proj'],
    })
    expect(warnings.filter((text) => text.includes('lies in'))).toEqual([
      'modules_to_save: "model.layers.1.mlp.up_proj" lies in "model.layers.1.mlp", which is saved too; PEFT cannot load that',
    ])
  })

  it('that would be both are refused, and left out of all-linear', () => {
    const config = { r: 2, modules_to_save: ['_proj'] }
    expect(() => lora(models.llama, { ...config, target_modules: ['q_proj'] })).toThrow(ConfigError)
    expect(() => lora(models.llama, { ...config, target_modules: ['q_proj'] })).toThrow(
      /exclude_modules: \["model\.layers\.0\.self_attn\.q_proj"/,
    )
    const wide = lora(models.llama, { r: 2, modules_to_save: ['up_proj', 'n_proj'], target_modules: 'all-linear' })
    expect(wide.config.exclude_modules).toEqual(['model.layers.0.mlp.down_proj', 'model.layers.1.mlp.down_proj'])
    expect(wide.targets.some(({ module }) => module.includes('down_proj'))).toBe(false)
    expect(wide.trainable.has('model.layers.0.mlp.down_proj.weight')).toBe(true)
  })

  it('are written for all-linear, as PEFT does: where it loads them there may be more layers, such as a pooler', () => {
    const model = lora(models.bert, { r: 2, target_modules: 'all-linear', task_type: 'FEATURE_EXTRACTION' })
    writeAdapter(folder('all-linear'), model)
    const { target_modules } = readAdapter(folder('all-linear')).config
    expect(target_modules).toEqual(model.targets.map(({ module }) => module).sort())
    expect(target_modules).toContain('encoder.layer.0.attention.self.query')
    expect(loadAdapter(models.bert, readAdapter(folder('all-linear'))).targets).toEqual(model.targets)
  })
})
