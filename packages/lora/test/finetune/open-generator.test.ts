// A base and adapters by name, in one session: each call has the texts of the fine-tuned model with that adapter alone.

import { join } from 'node:path'
import { type ChatMessage, memorySink, type MemorySink } from '@cola/data'
import { elements, parseSafetensors, type Tensor } from '@cola/graph'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AdapterError,
  combineAdapters,
  ConfigError,
  fineTune,
  type FineTuneOptions,
  type Generator,
  loadFineTuned,
  openAdapter,
  openBase,
  openGenerator,
  type OpenedGenerator,
} from '../../src/index.ts'
import { decoderFiles, decoders, json, read } from '../support/decoder-files.ts'
import { chat_template, embeddedFiles } from '../support/embedded-files.ts'

const short = '{% for message in messages %}{{ message.content }} {% endfor %}'

/** Trains an adapter, and gives what `save` wrote. */
async function adapterFor(
  base: Record<string, Uint8Array>,
  texts: readonly string[],
  options: Partial<FineTuneOptions<'CAUSAL_LM'>> = {},
): Promise<MemorySink> {
  const train = texts.map((text) => ({ text }))
  const run = { task: 'CAUSAL_LM', train, epochs: 10, learning_rate: 3e-2, lora: { r: 2 } } as const
  const tuned = await fineTune(base, { ...run, ...options })
  const saved = memorySink()
  await tuned.save(saved)
  await tuned.release()
  return saved
}

const messages: ChatMessage[] = [{ role: 'user', content: 'the girls' }]
const words = (numbers: readonly number[]) => numbers.map((i) => `w${i}`).join(' ')
/** Each with texts that two adapters learn, prompts of several lengths, and a conversation. */
const bases = {
  'GPT-2 from its weights': {
    files: embeddedFiles({ chat_template }),
    poet: ['the girls sleep.', 'the girls laugh.'],
    lawyer: ['did the boys laugh?', 'did the king sleep?'],
    prompts: ['the', 'did the boys', '', messages],
  },
  'Qwen3 with GroupQueryAttention': {
    files: {
      ...decoderFiles('decoder-qwen3'),
      'tokenizer_config.json': json({ eos_token: 'w2', chat_template: 'w6 {{ messages[0].content }} w7' }),
    },
    poet: [words([4, 5, 6, 7, 8]), words([5, 6, 7, 8, 9])],
    lawyer: [words([4, 30, 31, 32, 33]), words([5, 33, 34, 35, 36])],
    prompts: ['w4', 'w5 w6 w7 w9', [{ role: 'user', content: 'w4 w5' }], 'w8 w8'],
  },
} as const

describe.each(Object.entries(bases))('%s', (_, { files, poet, lawyer, prompts }) => {
  const few = { max_new_tokens: 6 }
  const adapters: Record<string, MemorySink> = {}
  /** The texts of the base, and of each adapter on it alone. */
  const right = new Map<string | undefined, string[]>()
  let generator: OpenedGenerator
  beforeAll(async () => {
    adapters.poet = await adapterFor(files, poet)
    adapters.lawyer = await adapterFor(files, lawyer)
    generator = await openGenerator(files, { adapters })
    for (const [name, saved] of Object.entries(adapters)) {
      const texts: string[][] = []
      for (const merge of [false, true]) {
        const tuned = await loadFineTuned(saved, { task: 'CAUSAL_LM', base: files, merge })
        texts.push(await tuned.generate(prompts, few))
        await tuned.release()
      }
      expect(texts[1]).toEqual(texts[0])
      right.set(name, texts[0] as string[])
    }
    const alone = await openGenerator(files)
    right.set(undefined, await alone.generate(prompts, few))
    await alone.release()
  })
  afterAll(() => generator.release())
  const choices = () => [...right].map(([adapter, texts]) => [adapter === undefined ? {} : { adapter }, texts] as const)

  it('has texts of the fine-tuned model with the adapter alone, merged or not', async () => {
    expect(generator.adapters).toEqual(['poet', 'lawyer'])
    expect(generator.tokenizer.encode(prompts[1]).length).toBeGreaterThan(2)
    expect(new Set([...right.values()].map((texts) => texts.join('|'))).size).toBe(3)
    for (const [choice, texts] of choices())
      expect(await generator.generate(prompts, { ...few, ...choice })).toEqual(texts)
    for (const [i, prompt] of prompts.entries())
      for (const [choice, texts] of choices())
        expect(await generator.generate(prompt, { ...few, ...choice })).toBe(texts[i])
    const alone = generator.generate(prompts, { ...few, adapter_scale: 2 })
    await expect(alone).rejects.toThrow(
      /option adapter_scale: the factor of no adapter.*expected adapter: "poet" or "law/,
    )
    const none = { ...few, adapter: 'poet', adapter_scale: 0 }
    expect(await generator.generate(prompts, none)).toEqual(right.get(undefined))
  })

  it('takes adapters later, in the same session, replaces and deletes them', async () => {
    const { poet: first, lawyer: later } = adapters as { poet: MemorySink; lawyer: MemorySink }
    const opened = await openGenerator(files, { adapters: { poet: first } })
    const both = await opened.loadAdapter('lawyer', later)
    expect(both.adapters).toEqual(['poet', 'lawyer'])
    for (const [choice, texts] of choices())
      expect(await both.generate(prompts, { ...few, ...choice } as object)).toEqual(texts)
    await opened.loadAdapter('poet', await openAdapter(later))
    expect(await opened.generate(prompts.slice(0, 2), { ...few, adapter: 'poet' })).toEqual(
      right.get('lawyer')?.slice(0, 2),
    )
    both.deleteAdapter('lawyer')
    expect(both.adapters).toEqual(['poet'])
    await expect(both.generate('', { adapter: 'lawyer' })).rejects.toThrow(/adapter "lawyer": not one of this model/)
    expect(() => both.deleteAdapter('lawyer')).toThrow(AdapterError)
    await opened.release()
  })

  it('has a later adapter with its texts at once, or not yet', async () => {
    const opened: Generator = await openGenerator(files, { adapters: { poet: adapters.poet as MemorySink } })
    const prompt = prompts[0] as string
    const { config, ...rest } = await openAdapter(adapters.lawyer as MemorySink)
    const asked: Promise<string>[] = []
    const ask = async () => {
      for (let turn = 0; turn < 30; turn++) {
        await undefined
        if (opened.adapters.includes('lawyer')) asked.push(opened.generate(prompt, { ...few, adapter: 'lawyer' }))
      }
    }
    const read = {
      ...rest,
      get config() {
        void ask()
        return config
      },
    }
    await opened.loadAdapter('lawyer', read)
    expect(asked.length).toBeGreaterThan(0)
    for (const text of await Promise.all(asked)) expect(text).toBe(right.get('lawyer')?.[0])
    await opened.release()
  })

  it('keeps what was called last of an adapter, whichever is read first', async () => {
    const { poet: first, lawyer: later } = adapters as { poet: MemorySink; lawyer: MemorySink }
    const opened: Generator = await openGenerator(files, { adapters: { poet: first } })
    const prompt = prompts[0] as string
    const text = () => opened.generate(prompt, { ...few, adapter: 'one' })
    const [poet, lawyer] = [await openAdapter(first), await openAdapter(later)]
    for (const [loads, name] of [
      [[first, lawyer], 'lawyer'],
      [[lawyer, first], 'poet'],
      [[first, later, poet, later, lawyer], 'lawyer'],
    ] as const) {
      await Promise.all(loads.map((one) => opened.loadAdapter('one', one)))
      expect(await text()).toBe(right.get(name)?.[0])
    }
    // One that fails changes nothing.
    const [one, failed] = await Promise.allSettled([
      opened.loadAdapter('one', first),
      opened.loadAdapter('one', { config: poet.config, tensors: new Map() }),
    ])
    expect([one.status, failed.status]).toEqual(['fulfilled', 'rejected'])
    expect(await text()).toBe(right.get('poet')?.[0])
    for (const name of ['one', 'new']) {
      const load = opened.loadAdapter(name, later)
      opened.deleteAdapter(name)
      const again = opened.loadAdapter(name, poet)
      await expect(load).rejects.toThrow(`adapter "${name}": deleted while it was loaded`)
      await again
      expect(await opened.generate(prompt, { ...few, adapter: name })).toBe(right.get('poet')?.[0])
    }
    const late = opened.loadAdapter('late', later)
    await opened.release()
    await expect(late).rejects.toThrow(/session: it has been released/)
    await expect(opened.loadAdapter('later', 'nowhere')).rejects.toThrow(/session: it has been released/)
    expect(() => opened.deleteAdapter('one')).toThrow(/session: it has been released/)
    expect(opened.adapters).toEqual(['poet', 'one', 'new'])
  })

  it('refuses a later adapter that the session has no inputs for, and goes on', async () => {
    const wider = await adapterFor(files, poet, { epochs: 1, lora: { r: 4, target_modules: 'all-linear' } })
    await expect(generator.loadAdapter('wider', wider)).rejects.toThrow(
      /adapter "wider": the model was opened without inputs for it, expected rank 2 at most.*found .*Open it again/,
    )
    await expect(generator.loadAdapter('none', {} as never)).rejects.toThrow(/no-such|adapter_config|files/i)
    expect(generator.adapters).toEqual(['poet', 'lawyer'])
    expect(generator.tokenizer.encode(prompts[1]).length).toBeGreaterThan(2)
    const alone = await openGenerator(files)
    await expect(alone.loadAdapter('poet', adapters.poet as MemorySink)).rejects.toThrow(/opened without adapters/)
    await alone.release()
  })

  it('answers calls at the same time, each with its own adapter', async () => {
    const calls = [...choices(), ...choices()].flatMap(([choice, texts]) =>
      prompts.map((prompt, i) => [prompt, choice, texts[i]] as const),
    )
    const found = await Promise.all(calls.map(([prompt, choice]) => generator.generate(prompt, { ...few, ...choice })))
    expect(found).toEqual(calls.map(([, , text]) => text))
    const streams = choices().map(([choice]) => generator.stream(prompts[1] as string, { ...few, ...choice }))
    const heard = streams.map(() => '')
    for (let open = streams.length; open > 0; ) {
      const steps = await Promise.all(streams.map((stream) => stream.next()))
      for (const [i, { value }] of steps.entries()) heard[i] += value ?? ''
      open = steps.filter(({ done }) => !done).length
    }
    expect(heard).toEqual(choices().map(([, texts]) => texts[1]))
  })

  it('ends texts at a signal, with its reason, while others go on', async () => {
    const reason = new Error('the reader has left')
    const calls = choices().map(([choice, texts]) => {
      const controller = new AbortController()
      const options = { ...few, ...choice, eos_token_id: [], signal: controller.signal }
      const leave = () => controller.abort(reason)
      return { options, leave, texts, choice }
    })
    const [first, second, third] = calls as [(typeof calls)[0], (typeof calls)[0], (typeof calls)[0]]
    const reading = async (pieces: AsyncIterable<unknown>, leave: () => void) => {
      for await (const _ of pieces) leave()
    }
    const stopped = [
      generator.generate(prompts, { ...first.options, onToken: first.leave }),
      reading(generator.stream(prompts, second.options), second.leave),
      reading(generator.streamTexts(prompts, { ...third.options, batch_size: 1 }), third.leave),
    ]
    const going = calls.map(({ choice }) => generator.generate(prompts, { ...few, ...choice }))
    for (const call of stopped) await expect(call).rejects.toBe(reason)
    expect(await Promise.all(going)).toEqual(calls.map(({ texts }) => texts))
  })

  it('streams texts, and continues token ids with each', async () => {
    for (const [choice, texts] of choices()) {
      const whole: string[] = []
      for await (const { row, text } of generator.streamTexts(prompts, { ...few, ...choice, batch_size: 2 }))
        whole[row] = text
      expect(whole).toEqual(texts)
      const heard: number[] = []
      const onToken = (id: number) => heard.push(id)
      await generator.generate(prompts[1] as string, { ...few, ...choice, onToken })
      const { tokenizer } = await openBase(files)
      const ids = tokenizer.encode(prompts[1] as string)
      // What the tokenizer puts behind a text would end it.
      const prompt = ids.slice(
        0,
        tokenizer.buildInputs([]).start + tokenizer.encode(prompts[1] as string, { add_special_tokens: false }).length,
      )
      expect(await generator.generate(prompt, { ...few, ...choice })).toEqual(heard)
    }
  })

  it('refuses an adapter that is not there, and names those that are', async () => {
    for (const prompt of ['the', messages, [4, 5]] as string[]) {
      const call = () => generator.generate(prompt, { adapter: 'judge' })
      await expect(call()).rejects.toThrow(AdapterError)
      await expect(call()).rejects.toThrow(/adapter "judge": not one of this model, expected poet, lawyer/)
      await expect(generator.stream(prompt, { adapter: 'judge' }).next()).rejects.toThrow(/expected poet, lawyer/)
    }
    await expect(generator.generate('the', { adapter: 'Poets' })).rejects.toThrow('Did you mean "poet"?')
    await expect(generator.generate('the', { adapter: 7 as never })).rejects.toThrow(ConfigError)
  })
})

describe('adapters', () => {
  const files = embeddedFiles({ chat_template: undefined })
  const train = [{ prompt: messages, completion: [{ role: 'assistant', content: 'did' }] }]
  const learnt = { train, epochs: 40, learning_rate: 2e-2 }
  let formal: MemorySink
  let brief: MemorySink
  beforeAll(async () => {
    formal = await adapterFor(files, [], { ...learnt, eos_token: '.', open: { chat_template } })
    brief = await adapterFor(files, [], { ...learnt, eos_token: '?', open: { chat_template: short } })
  })
  const few = { max_new_tokens: 6 }
  const answerOf = async (saved: MemorySink, open: object = {}) => {
    const tuned = await loadFineTuned(saved, { task: 'CAUSAL_LM', base: files, open })
    const text = await tuned.generate(messages, few)
    await tuned.release()
    return text
  }

  it('keep the chat template and the end tokens that they were trained with', async () => {
    const base = await openBase(files)
    for (const source of [files, base]) {
      const generator: Generator = await openGenerator(source, { adapters: { formal, brief } })
      for (const [adapter, saved] of Object.entries({ formal, brief }))
        expect(await generator.generate(messages, { ...few, adapter })).toBe(await answerOf(saved))
      await expect(generator.generate(messages)).rejects.toThrow(
        /chat_template: the tokenizer has none.*adapters have several.*"formal", "brief".*open: \{ chat_template \}/,
      )
      await generator.release()
    }
    const open = { chat_template: short }
    const other = await openGenerator(files, { adapters: { formal }, open })
    expect(await other.generate(messages, { ...few, adapter: 'formal' })).toBe(await answerOf(formal, open))
    await other.release()
  })

  it('give a base without a chat template theirs, where they have one among them', async () => {
    const plain = await adapterFor(files, ['the girls sleep.'], { epochs: 1 })
    const none = await openGenerator(files, { adapters: { plain } })
    await expect(none.generate(messages)).rejects.toThrow(/chat_template: the tokenizer has none/)
    await none.release()
    const named = await openGenerator(files, { adapters: { plain }, open: { chat_template: short } })
    const right = [await named.generate(messages, few), await named.generate(messages, { ...few, adapter: 'plain' })]
    await named.release()
    const generator: Generator = await openGenerator(files, { adapters: { plain, brief } })
    expect(await generator.generate(messages, few)).toBe(right[0])
    expect(await generator.generate(messages, { ...few, adapter: 'plain' })).toBe(right[1])
    await generator.loadAdapter('formal', formal)
    expect(await generator.generate(messages, { ...few, adapter: 'formal' })).toBe(await answerOf(formal))
    await generator.release()
  })

  it('may be open, or made of others', async () => {
    const [one, two] = [await openAdapter(formal), await openAdapter(brief)]
    const both = combineAdapters([
      { adapter: one, weight: 0.5 },
      { adapter: two, weight: 0.5 },
    ])
    const open = { chat_template }
    const generator = await openGenerator(files, { adapters: { one, both }, open })
    const ask = (adapter: 'one' | 'both') => generator.generate(messages, { ...few, adapter, eos_token_id: 55 })
    expect((await ask('one')).trim()).toBe('did')
    expect(await ask('both')).toBeTypeOf('string')
    await generator.release()
  })

  it('with a start token are opened with it, and refused beside those without', async () => {
    const plain = decoderFiles('decoder-qwen3')
    const texts = ['w6 w7', 'w8 w9 w10']
    const start = { add_bos_token: true, bos_token: 'w4' }
    const started = await adapterFor(plain, texts, { open: start })
    const unstarted = await adapterFor(plain, texts)
    const generator = await openGenerator(plain, { adapters: { started } })
    const opened = await loadFineTuned(started, { task: 'CAUSAL_LM', base: plain })
    expect(await generator.generate('w6', { ...few, adapter: 'started' })).toBe(await opened.generate('w6', few))
    await opened.release()
    await generator.release()
    await expect(openGenerator(plain, { adapters: { started, unstarted } })).rejects.toThrow(
      /adapter "unstarted", token ids before each text: not what the adapter was trained with/,
    )
    const without = { adapters: { started }, open: { add_bos_token: false } }
    await expect(openGenerator(plain, without)).rejects.toThrow(/adapter "started", token ids before each text/)
  })

  it('of PEFT give transformers’ greedy tokens', async () => {
    const folder = join(decoders, 'decoder-qwen3')
    const peft = Object.fromEntries(
      ['adapter_config.json', 'adapter_model.safetensors'].map((name) => [name, read(join(folder, 'adapter', name))]),
    )
    const tensorsOf = (name: string) => parseSafetensors(read(join(folder, `${name}.safetensors`))).tensors
    const numbers = (tensor: Tensor | undefined) => Array.from(elements(tensor as Tensor) as BigInt64Array, Number)
    const greedy = numbers(tensorsOf('expected').get('greedy'))
    const prompt = numbers(tensorsOf('inputs').get('input_ids')).slice(0, 3)
    const generator = await openGenerator(decoderFiles('decoder-qwen3'), { adapters: { peft } })
    const options = { adapter: 'peft' as const, max_new_tokens: greedy.length, eos_token_id: [] }
    expect(await generator.generate(prompt, options)).toEqual(greedy)
    const text = await generator.generate(words(prompt), options)
    expect(text.trim()).toBe(words(greedy))
    await generator.release()
  })

  it('are refused for another base, for another task, and where they are none', async () => {
    const open = (adapters: object) => openGenerator(files, { adapters } as never)
    const other = await adapterFor(decoderFiles('decoder-qwen3'), ['w6 w7'])
    await expect(open({ formal, other })).rejects.toThrow(AdapterError)
    await expect(open({ formal, other })).rejects.toThrow(/^adapter "other": trained on another base, .*Give the/)
    const labelled = ['a', 'b'].map((label) => ({ text: 'the girls', label }))
    const tuned = await fineTune(files, { train: labelled, epochs: 1 })
    const classifier = memorySink()
    await tuned.save(classifier)
    await tuned.release()
    await expect(open({ classifier })).rejects.toThrow(/"task_type": fine-tuned for another task, expected CAUSAL_LM/)
    for (const none of [7, null, undefined])
      await expect(open({ none })).rejects.toThrow(/openGenerator, option adapters, "none": not a valid value/)
    await expect(open([] as never)).rejects.toThrow(ConfigError)
    await expect(open([formal] as never)).rejects.toThrow(
      /option adapters: not a valid.*Name each: \{ name: adapter \}/,
    )
    await expect(open({ '': formal })).rejects.toThrow(/openGenerator, option adapters, a name: not a valid value/)
    await expect(open({ half: { tensors: new Map() } })).rejects.toThrow(
      /openGenerator, option adapters, "half": an adapter that lacks config, .*Give what openAdapter gives, whole/,
    )
    await expect(openGenerator(files, { adapter: {} } as never)).rejects.toThrow(
      /option adapter: no such option.*adapters/,
    )
  })

  it('lie on a base that is quantized when it is opened', async () => {
    const texts: string[] = []
    const quantization = { bits: 4 } as const
    for (const options of [{ quantization }, { open: { quantization } }, {}]) {
      const generator = await openGenerator(files, { adapters: { formal }, ...options })
      texts.push(JSON.stringify(await generator.generate(['the girls', 'did the'], { max_new_tokens: 12 })))
      await generator.release()
    }
    expect(texts[0]).toBe(texts[1])
    await expect(openGenerator(files, { quantization: { bits: 3 } as never })).rejects.toThrow(
      /quantization, option bits/,
    )
    await expect(openGenerator(files, { dtype: 'q4' } as never)).rejects.toThrow(
      /option dtype: no such option.*belongs to open/,
    )
  })

  it('open their base from the file of their training, and tell of another one', async () => {
    const exported = decoderFiles('decoder-qwen3')
    const model = exported['onnx/model.onnx']
    const both = { ...exported, 'onnx/model.onnx': new Uint8Array(3), 'onnx/model_q4.onnx': model }
    const texts = ['w4 w5 w6']
    const saved = await adapterFor(both, texts, { open: { dtype: 'q4' }, epochs: 1 })
    const warnings: string[] = []
    const onWarning = ({ message }: { message: string }) => warnings.push(message)
    const open = async (base: Record<string, Uint8Array>, options: object = {}) =>
      (await openGenerator(base, { adapters: { saved }, onWarning, ...options })).release()
    await open(both)
    const again = { task: 'CAUSAL_LM', adapter: saved, train: [{ text: 'w4 w5' }], epochs: 1 } as const
    await (await fineTune(both, again)).release()
    expect(warnings).toEqual([])
    await open(exported)
    await open({ ...both, 'onnx/model.onnx': model }, { open: { dtype: 'fp32' } })
    const told =
      'adapter "saved": it was trained on onnx/model_q4.onnx, and this base is onnx/model.onnx: answers may differ; '
    expect(warnings.splice(0)).toEqual([
      `${told}the base has no such file`,
      `${told}open: { file: "onnx/model_q4.onnx" } opens it as in training`,
    ])
    const other = { base: { ...both, 'onnx/model.onnx': model }, open: { dtype: 'fp32' }, onWarning } as const
    await (await loadFineTuned(saved, { task: 'CAUSAL_LM', ...other })).release()
    expect(warnings).toEqual([expect.stringMatching(/^the adapter: it was trained on onnx\/model_q4\.onnx, and this/)])
  })

  it('say that they are released, and not that there is no chat template', async () => {
    const generator = await openGenerator(files)
    await generator.release()
    await expect(generator.generate(messages)).rejects.toThrow(/session: it has been released/)
    await expect(generator.stream(messages).next()).rejects.toThrow(/session: it has been released/)
    const tuned = await loadFineTuned(await adapterFor(files, ['the girls']), { task: 'CAUSAL_LM', base: files })
    await tuned.release()
    const refusal = /fine-tuned model: it has been released/
    for (const prompts of [messages, []]) await expect(tuned.generate(prompts)).rejects.toThrow(refusal)
    await expect(tuned.stream([]).next()).rejects.toThrow(refusal)
    await expect(tuned.streamTexts([]).next()).rejects.toThrow(refusal)
  })

  it('need a base, which is the first argument', async () => {
    for (const options of [undefined, { adapters: { formal } }, { device: 'cpu' }]) {
      const open = () => openGenerator(options as never)
      await expect(open()).rejects.toThrow(ConfigError)
      await expect(open()).rejects.toThrow(/first argument: no base model.*openGenerator\(base, \{ adapters \}\)/)
    }
  })
})
