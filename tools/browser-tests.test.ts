import { describe, expect, it } from 'vitest'
import { leftOutOfBrowsers } from './browser-left-out.ts'
import { browserTests } from './browser-tests.ts'

describe('test files in a browser', () => {
  const { run, leftOut } = browserTests()

  it('are those that need nothing of Node, in every package', () => {
    const packages = new Set(run.map((file) => file.split('/')[1]))
    expect([...packages].sort()).toEqual(['data', 'distill', 'graph', 'lora', 'rnn', 'train'])
    // Fixtures are read by a shim; a file that a test imports may be what needs Node.
    expect(run).toContain('packages/graph/test/onnx/attribute.test.ts')
  })

  it('or are listed as left out, each for its reason', () => {
    const listed = Object.entries(leftOutOfBrowsers).flatMap(([reason, files]) => files.map((file) => [file, reason]))
    expect(leftOut).toEqual(Object.fromEntries(listed))
    expect(run.filter((file) => file in leftOut)).toEqual([])
  })
})
