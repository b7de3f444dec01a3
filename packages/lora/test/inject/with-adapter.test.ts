import { packSentences } from '@cola/data'
import { defaultDevice, adam, crossEntropy, generateArtifacts, TrainingSession } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { readText, temporaryFolders } from '../../../../tools/test-folders.ts'
import { reportLora } from '../../../../examples/support/report/lora-config.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  gpt2,
  loadAdapter,
  lora,
  merge,
  parseGpt2Config,
  randomGpt2,
  withPaddedInputs,
  writeAdapter,
} from '../../src/index.ts'
import { small, model, logits } from '../support/padded-gpt2.ts'

const folder = temporaryFolders()

describe('LoRA', () => {
  const modules = (options: Parameters<typeof lora>[1]) =>
    lora(model(), options).targets.map(({ module }) => module.replace('transformer.h.', ''))
  it('matches modules as PEFT does', () => {
    expect(modules({ target_modules: ['c_attn'] })).toEqual(['0.attn.c_attn', '1.attn.c_attn'])
    expect(modules({ target_modules: ['attn.c_proj'] })).toEqual(['0.attn.c_proj', '1.attn.c_proj'])
    expect(modules({ target_modules: '.*h\\.1\\..*c_fc' })).toEqual(['1.mlp.c_fc'])
    expect(modules({ target_modules: 'all-linear' }).length).toBe(8)
    expect(modules({})).toEqual(['0.attn.c_attn', '1.attn.c_attn'])
    expect(
      modules({ target_modules: ['c_attn', 'c_fc'], exclude_modules: ['c_fc'], layers_to_transform: [1] }),
    ).toEqual(['1.attn.c_attn'])
    expect(() => modules({ target_modules: ['q_proj'] })).toThrow(/no layer matches.*attn\.c_attn/)
    for (const target_modules of ['all_linear', ['all-linear'], ['all_linear']])
      expect(() => modules({ target_modules })).toThrow(/no layer matches.*Did you mean "all-linear"\?$/)
    expect(() => modules({ target_modules: 'all-linear', layers_to_transform: [0] })).toThrow(
      /field "layers_to_transform": not with target_modules 'all-linear', which it is where it is not given.*Name the mod/,
    )
    expect(() => modules({ target_modules: '.*c_attn', layers_to_transform: [0] })).toThrow(/that is one pattern.*PEFT/)
  })
  it('takes rank and alpha from patterns, and scales by sqrt(r) with rsLoRA', () => {
    const { targets } = lora(model(), {
      r: 4,
      lora_alpha: 8,
      target_modules: ['c_attn', 'c_fc'],
      rank_pattern: { c_fc: 2 },
      alpha_pattern: { c_fc: 6 },
      use_rslora: true,
    })
    expect(targets.slice(0, 2).map(({ r, scaling }) => [r, scaling])).toEqual([
      [4, 4],
      [2, 6 / Math.sqrt(2)],
    ])
  })
  it('refuses variants that it does not compute', () => {
    expect(() => lora(model(), { use_qalora: true } as never)).toThrow(/field "use_qalora": not supported/)
    expect(() => lora(model(), { r: 0 })).toThrow(/field "r": not a valid value, expected at least 1, found 0\.$/)
    expect(() => lora(model(), { r: 4.5 })).toThrow(/field "r": not a valid value, expected integer, found 4\.5\.$/)
  })
  it('refuses biases of B where PEFT does, whose files it would not read', () => {
    const biased = { r: 2, target_modules: ['c_attn'], lora_bias: true }
    const expected = /LoraConfig, field "lora_bias": not with (DoRA|a start that is named).*PEFT refuses it too/s
    for (const other of [{ use_dora: true }, { init_lora_weights: 'gaussian' }, { init_lora_weights: 'pissa' }])
      expect(() => lora(model(), { ...biased, ...other })).toThrow(expected)
    expect(lora(model(), { ...biased, init_lora_weights: false }).config.lora_bias).toBe(true)
  })

  it('changes nothing at the start, and merges to what it computes', async () => {
    const start = lora(model(), { ...reportLora, lora_alpha: 8 }, { seed: 3 })
    const ids = [
      [4, 5, 6],
      [7, 8, 9],
    ]
    const mask = [
      [1, 1, 1],
      [1, 1, 1],
    ]
    expect(await logits(withPaddedInputs(start), ids, mask)).toBeAllclose(
      await logits(withPaddedInputs(model()), ids, mask),
    )
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(start, { loss: crossEntropy(), optimizer: adam() }),
      device: defaultDevice(),
    })
    for (let step = 0; step < 3; step++) {
      session.lazyResetGrad()
      await session.runTrainStep({ ...packSentences(ids), labels: { data: Int32Array.of(0, 1), dims: [2] } })
      await session.runOptimizerStep({ learningRate: 0.05 })
    }
    const trained = {
      ...start,
      graph: {
        ...start.graph,
        initializers: new Map([...start.graph.initializers, ...(await session.getParameters())]),
      },
    }
    await session.release()
    const adapted = await logits(withPaddedInputs(trained), ids, mask)
    expect(adapted).not.toBeAllclose(await logits(withPaddedInputs(model()), ids, mask), { atol: 1e-2 })
    expect(await logits(withPaddedInputs(merge(trained)), ids, mask)).toBeAllclose(adapted)
    const out = folder('adapter')
    writeAdapter(out, trained, { baseModel: 'openai-community/gpt2' })
    expect(await logits(withPaddedInputs(loadAdapter(model(), readAdapter(out))), ids, mask)).toEqual(adapted)
    expect(JSON.parse(readText(out, 'adapter_config.json'))).toMatchObject({
      peft_type: 'LORA',
      base_model_name_or_path: 'openai-community/gpt2',
      inference_mode: true,
      modules_to_save: expect.arrayContaining(['score']),
    })
  })
  it('refuses an adapter without its head, and one for another model', () => {
    const out = folder('adapter')
    const adapter = readAdapter(out)
    const headless = new Map([...adapter.tensors].filter(([name]) => !name.endsWith('score.weight')))
    expect(() => loadAdapter(model(), { ...adapter, tensors: headless })).toThrow(
      /score\.weight": missing from the adapter.*without its head/,
    )
    const wide = parseGpt2Config({ ...small, n_embd: 16 })
    expect(() => loadAdapter(gpt2(wide, randomGpt2(wide)), adapter)).toThrow(/its shape does not fit the model/)
  })
})
