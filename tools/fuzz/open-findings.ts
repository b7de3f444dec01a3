// Kinds of findings that are known and not yet mended: a run in CI fails on any other. RELIABILITY.md lists them.

import type { TargetName } from './targets.ts'

/** Patterns of {@link Finding.kind} by target. */
export const openFindings: Partial<Record<TargetName, RegExp>> = {}
