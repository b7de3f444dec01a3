import { addInput, build, createGraph } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { openSession, OrtTensor, SessionError } from '../../src/index.ts'

const open = async () => {
  const graph = createGraph('twice')
  const x = addInput(graph, 'x', 'float32', [2])
  graph.outputs = [build(graph).Add(x, x).name]
  const session = await openSession({ graph }, 'cpu')
  const run = async () => {
    const [y] = Object.values(await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 2), [2]) }))
    return [...((y as OrtTensor).data as Float32Array)]
  }
  return { session, run }
}

describe('a session that is released', () => {
  it('waits for what runs, and says so to what comes later', async () => {
    const { session, run } = await open()
    const [running, released] = [run(), session.release()]
    const late = run()
    await expect(late).rejects.toThrow(SessionError)
    await expect(late).rejects.toThrow(/session: it has been released. Open the model again/)
    expect(await running).toEqual([2, 4])
    await released
  })

  it('may be released again', async () => {
    const { session } = await open()
    await Promise.all([session.release(), session.release()])
    await session.release()
  })
})
