import { expect, it } from 'vitest'
import { defaultLabel, defaultLabels } from '../../src/index.ts'

it("is transformers' name of a class without one", () => {
  expect(defaultLabel(0)).toBe('LABEL_0')
  expect(defaultLabels(3)).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2'])
  expect(defaultLabels(0)).toEqual([])
})
