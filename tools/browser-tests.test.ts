import { describe, expect, it } from 'vitest'
import { browserTests } from './browser-tests.ts'

describe('test files in a browser', () => {
  const { run, leftOut } = browserTests()

  it('are those that need nothing of Node, in every package', () => {
    const packages = new Set(run.map((file) => file.split('/')[1]))
    expect([...packages].sort()).toEqual(['data', 'distill', 'graph', 'lora', 'rnn', 'train'])
    // Fixtures are read by a shim; a file that a test imports may be what needs Node.
    expect(run).toContain('packages/graph/test/onnx/attribute.test.ts')
    expect(leftOut).toMatchObject({
      'packages/train/test/worker/client.test.ts': 'starts processes',
      'packages/distill/test/teacher/cached-teacher.test.ts': 'works on folders of the disk',
    })
  })

  it('or are left out for a reason', () => {
    expect(run.filter((file) => file in leftOut)).toEqual([])
    expect(Object.values(leftOut).every(Boolean)).toBe(true)
  })
})
