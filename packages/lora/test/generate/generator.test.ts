import { packSentences, random } from '@cola/data'
import { feedsOf, openSession, type OrtTensor, SessionError } from '@cola/train'
import { describe, expect, it, vi } from 'vitest'
import { moved } from '../../../../tools/moved.ts'
import {
  adapterTensors,
  ConfigError,
  createGenerator,
  gpt2,
  loadAdapter,
  lora,
  nextToken,
  parseGpt2Config,
  randomGpt2,
  switchable,
} from '../../src/index.ts'

const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 3,
  n_head: 2,
  n_embd: 16,
  n_positions: 24,
  vocab_size: 50,
  initializer_range: 0.3,
})
const parameters = randomGpt2(config, { seed: 4, head: 'language-model' })
const cached = gpt2(config, parameters, { head: 'language-model', cache: true })
const whole = gpt2(config, parameters, { head: 'language-model' })
/** Greedy generation the slow way: the whole text anew for every token. */
async function slowly({ graph }: typeof whole, prompt: readonly number[], count: number): Promise<number[]> {
  const session = await openSession({ graph }, 'cpu')
  const ids = [...prompt]
  for (let i = 0; i < count; i++) {
    const { feeds } = feedsOf(graph, graph.inputs, packSentences([ids]))
    const logits = ((await session.run(feeds)).logits as OrtTensor).data as Float32Array
    ids.push(nextToken(logits.subarray(logits.length - config.vocab_size), {}, random(0)))
  }
  await session.release()
  return ids.slice(prompt.length)
}

/** All that a stream gives. */
async function all<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = []
  for await (const value of stream) values.push(value)
  return values
}

describe('generate', () => {
  it('gives with the cache what the whole text gives without, with an adapter or not', async () => {
    const prompt = [3, 17, 8, 21]
    const adapt = (model: typeof whole) => moved(lora(model, { r: 2, target_modules: ['c_attn', 'c_fc'] }), 1, 1)
    for (const [fast, slow] of [
      [cached, whole],
      [adapt(cached), adapt(whole)],
    ] as const) {
      const generator = await createGenerator(fast, { config })
      expect(await generator.generate(prompt, { max_new_tokens: 12 })).toEqual(await slowly(slow, prompt, 12))
      await generator.release()
    }
  })

  it('has the adapters that its switchable model has, whoever changed them', async () => {
    const adapterOf = (seed: number) => {
      const adapted = moved(lora(cached, { r: 2, target_modules: ['c_attn', 'c_fc'] }), seed, 1)
      return { config: adapted.config, tensors: adapterTensors(adapted) }
    }
    const [first, second] = [adapterOf(1), adapterOf(2)]
    const prompt = [3, 17, 8, 21]
    const expected = await slowly(loadAdapter(whole, second), prompt, 8)
    const model = switchable(cached, { a: first, b: first })
    const generator = await createGenerator(model, { config })
    const ask = (adapter: 'a' | 'b') => generator.generate(prompt, { adapter, max_new_tokens: 8 })
    for (const name of ['a', 'b'] as const) expect(await ask(name)).not.toEqual(expected)
    model.loadAdapter('a', second)
    expect(await ask('a')).toEqual(expected)
    model.deleteAdapter('b')
    await expect(ask('b')).rejects.toThrow('adapter "b": not one of this model, expected a.')
    model.deleteAdapter('a')
    await expect(ask('a')).rejects.toThrow('adapter "a": not one of this model, which has none.')
    await generator.loadAdapter('b', second)
    expect(await ask('b')).toEqual(expected)
    expect(await generator.generate(prompt, { adapter: 'b', adapter_scale: 0, max_new_tokens: 8 })).toEqual(
      await slowly(whole, prompt, 8),
    )
    const none = { tensors: new Map() } as never
    await expect(generator.loadAdapter('c', none)).rejects.toThrow(
      /adapter "c": not a valid value, expected what openA/,
    )
    await generator.release()
    await expect(generator.loadAdapter('c', second)).rejects.toThrow(SessionError)
    expect(generator.adapters).toEqual(['b'])
  })

  it('draws by seed, ends at the end token and at the last position', async () => {
    const generator = await createGenerator(cached, { config })
    const options = { do_sample: true, temperature: 1.5, max_new_tokens: 15 }
    const [first, again, other] = [
      await generator.generate([5], { ...options, seed: 1 }),
      await generator.generate([5], { ...options, seed: 1 }),
      await generator.generate([5], { ...options, seed: 2 }),
    ]
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    expect(await generator.generate([5], { ...options, seed: 1, eos_token_id: first[3] as number })).toEqual(
      first.slice(0, first.indexOf(first[3] as number)),
    )
    expect(await generator.generate([5], { ...options, seed: 1, eos_token_id: [99, first[3] as number] })).toEqual(
      first.slice(0, first.indexOf(first[3] as number)),
    )
    await expect(generator.generate([5, -1])).rejects.toThrow(
      /prompt: a token id without a row.*expected 0 to 49, found -1/,
    )
    expect(parseGpt2Config({ ...config, eos_token_id: [1, 2] }).eos_token_id).toEqual([1, 2])
    const seen: number[] = []
    expect((await generator.generate([5, 6], { max_new_tokens: 99, onToken: (id) => seen.push(id) })).length).toBe(
      config.n_positions - 1,
    )
    expect(seen.length).toBe(config.n_positions - 1)
    await expect(generator.generate([[]])).rejects.toThrow(/no tokens/)
    await expect(generator.generate(Array.from({ length: 24 }, () => 1))).rejects.toThrow(/position table/)
    await generator.release()
    await expect(createGenerator(whole, { config })).rejects.toThrow(ConfigError)
  })

  it('gives nothing for no prompts', async () => {
    const generator = await createGenerator(cached, { config })
    expect(await generator.generate([])).toEqual([])
    expect(await all(generator.stream([]))).toEqual([])
    await generator.release()
  })

  it('warns of what it ignores without do_sample, once a call', async () => {
    const generator = await createGenerator(cached, { config })
    const onWarning = vi.fn()
    const few = { max_new_tokens: 2, onWarning }
    const greedy = await generator.generate([5], few)
    for (const neutral of [
      { temperature: 1, top_k: 0, top_p: 1, min_p: 0 },
      { do_sample: true, temperature: 2 },
    ])
      await generator.generate([[5], [6]], { ...few, ...neutral })
    expect(onWarning).not.toHaveBeenCalled()
    expect(await generator.generate([5], { ...few, temperature: 0.7, top_p: 0.9, min_p: undefined as never })).toEqual(
      greedy,
    )
    expect(onWarning.mock.calls).toEqual([
      [{ message: 'generate: temperature and top_p choose among samples, and are ignored without do_sample: true' }],
    ])
    await all(generator.stream([[5], [6]], { ...few, do_sample: false, top_k: 3 }))
    expect(onWarning).toHaveBeenLastCalledWith({
      message: 'generate: top_k chooses among samples, and is ignored without do_sample: true',
    })
    expect(onWarning).toHaveBeenCalledTimes(2)
    await generator.release()
  })

  it('says that it was released, to what runs then and what comes later', async () => {
    const generator = await createGenerator(cached, { config })
    const running = generator.generate([3, 17], { max_new_tokens: 20 })
    await Promise.all([expect(running).rejects.toThrow(SessionError), generator.release()])
    for (const prompts of [[3], [], [[3]]]) {
      await expect(generator.generate(prompts as number[])).rejects.toThrow(/session: it has been released/)
      await expect(generator.stream(prompts as number[]).next()).rejects.toThrow(/session: it has been released/)
    }
    await expect(generator.streamTexts([]).next()).rejects.toThrow(/session: it has been released/)
    await expect(generator.loadAdapter('one', 'nowhere')).rejects.toThrow(/session: it has been released/)
    expect(() => generator.deleteAdapter('one' as never)).toThrow(/session: it has been released/)
  })

  it('ends after the token at which the signal fires, with its reason, and leaves other calls alone', async () => {
    const generator = await createGenerator(cached, { config })
    const few = { max_new_tokens: 12 }
    const prompts = [
      [3, 17, 8],
      [5, 9],
      [11, 4, 2],
    ]
    const expected = await generator.generate(prompts, few)
    const reason = new Error('the reader has left')
    const controller = new AbortController()
    const heard: number[] = []
    const onToken = (id: number) => {
      if (heard.push(id) === 4) controller.abort(reason)
    }
    const { signal } = controller
    const [others, stopped, waiting] = await Promise.allSettled([
      Promise.all(prompts.map((prompt) => generator.generate(prompt, few))),
      generator.generate(prompts[0] as number[], { ...few, onToken, signal }),
      // A call of the same signal, with more than its rows.
      generator.generate(prompts, { ...few, batch_size: 1, signal }),
    ])
    expect(others).toEqual({ status: 'fulfilled', value: expected })
    expect([stopped, waiting]).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ])
    expect(heard).toEqual(expected[0]?.slice(0, 4))
    // One that fired before is thrown before anything is computed.
    const onFinish = vi.fn()
    await expect(generator.generate([3], { signal, onFinish })).rejects.toBe(reason)
    await expect(generator.generate([3], { signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    )
    expect(onFinish).not.toHaveBeenCalled()
    const again = new AbortController()
    const streamed: number[] = []
    const reading = async () => {
      for await (const { id } of generator.stream([3, 17, 8], { ...few, signal: again.signal }))
        if (streamed.push(id) === 3) again.abort(reason)
    }
    await expect(reading()).rejects.toBe(reason)
    expect(streamed).toEqual(expected[0]?.slice(0, 3))
    expect(await generator.generate(prompts, { ...few, signal: new AbortController().signal })).toEqual(expected)
    for (const call of [generator.generate([], { signal }), all(generator.stream([], { signal }))])
      await expect(call).rejects.toBe(reason)
    // Of a library that is older than throwIfAborted.
    const old = { aborted: true, reason } as AbortSignal
    await expect(generator.generate([3], { signal: old })).rejects.toBe(reason)
    await expect(generator.generate([3], { signal: true as never })).rejects.toThrow(
      /option signal.*expected an AbortSignal/,
    )
    await generator.release()
  })

  it('samples within top-k and top-p, in the proportions of the softmax', () => {
    const logits = Float32Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05))
    const share = (options: Parameters<typeof nextToken>[1]) => {
      const stream = random(9, 'sample')
      const counts = [0, 0, 0, 0]
      for (let i = 0; i < 4000; i++) {
        const id = nextToken(logits, { do_sample: true, ...options }, stream)
        counts[id] = (counts[id] ?? 0) + 1
      }
      return counts.map((count) => count / 4000)
    }
    expect(share({})).toBeAllclose([0.5, 0.3, 0.15, 0.05], { atol: 0.03 })
    expect(share({ top_k: 2 })).toBeAllclose([0.625, 0.375, 0, 0], { atol: 0.03 })
    expect(share({ top_p: 0.75 })).toBeAllclose([0.625, 0.375, 0, 0], { atol: 0.03 })
    expect(share({ top_p: 0.1 })).toEqual([1, 0, 0, 0])
    expect(share({ temperature: 0.5 })).toBeAllclose(
      [0.25, 0.09, 0.0225, 0.0025].map((p) => p / 0.365),
      { atol: 0.03 },
    )
  })
})
