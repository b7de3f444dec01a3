// The order of test files: those that start processes and browsers first, so that at the end no worker waits for one.

import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { root } from './root.ts'

const isLong = ({ moduleId }: TestSpecification): boolean =>
  /^(tools|examples|integrations)\b|\.browser\.test\.ts$/.test(relative(root, moduleId))

/** Vitest's own order, by what it knows of earlier runs or by size, of the long ones and then of the others. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}
