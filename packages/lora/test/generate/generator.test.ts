import { packSentences, random } from '@cola/data'
import { feedsOf, openSession, type OrtTensor, SessionError } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { moved } from '../../../../tools/moved.ts'
import { ConfigError, createGenerator, gpt2, lora, nextToken, parseGpt2Config, randomGpt2 } from '../../src/index.ts'

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
    await expect(generator.generate([])).rejects.toThrow(/no tokens/)
    await expect(generator.generate(Array.from({ length: 24 }, () => 1))).rejects.toThrow(/position table/)
    await generator.release()
    await expect(createGenerator(whole, { config })).rejects.toThrow(ConfigError)
  })

  it('says that it was released, to what runs then and what comes later', async () => {
    const generator = await createGenerator(cached, { config })
    const running = generator.generate([3, 17], { max_new_tokens: 20 })
    await Promise.all([expect(running).rejects.toThrow(SessionError), generator.release()])
    await expect(generator.generate([3])).rejects.toThrow(/session: it has been released/)
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
