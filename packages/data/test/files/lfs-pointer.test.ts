import { describe, expect, it } from 'vitest'
import { lfsPointer } from '../../src/index.ts'
import { pointer, text } from '../support/hub-files.ts'

describe('git-lfs pointers', () => {
  it('distinguishes a git-lfs pointer from a file', () => {
    expect(lfsPointer(text(pointer), 'x')).toMatchObject({
      what: 'a git-lfs pointer in place of the file',
      expected: '90387630 bytes',
    })
    expect(lfsPointer(text('version 2'), 'x')).toBeUndefined()
  })
})
