// Finds the known name that is most similar to an unknown one, for errors.

import { editDistance } from './edit-distance.ts'

/** A name in lower case, without underscores and other signs: `learningRate` and `learning_rate` have the same. */
const normalize = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** The first letter of a name and its digits, if it has some. */
const digits = (name: string): string | false => /\d/.test(name) && name.replace(/(?!^)\D/g, '')

/** The first letters of a name's words, where it has several. */
const initials = (name: string): string => (/_/.test(name) ? name.replace(/([^_])[^_]*_?/g, '$1') : '')

/**
 * The known name closest to an unknown one: equal in another case, part of it (`epochs` of `num_train_epochs`), the words
 * of which it has the initials (`lr`), or at an edit distance of at most two; undefined if none is close.
 * `int4` is another thing than `int8`, and `bfloat16` than `float16`.
 */
export function closestName(name: string, names: readonly string[]): string | undefined {
  const unknown = normalize(name)
  const known = names.filter((candidate) => digits(normalize(candidate)) === digits(unknown))
  const parts = known.filter((candidate) => unknown.includes(normalize(candidate)) && normalize(candidate).length > 3)
  const rated = known.map((candidate) => ({ candidate, distance: editDistance(normalize(candidate), unknown) }))
  const near = rated.filter(({ candidate, distance }) => distance <= Math.min(2, normalize(candidate).length / 3))
  const [nearest] = near.sort((a, b) => a.distance - b.distance)
  return (
    nearest?.candidate ??
    known.find((candidate) => initials(candidate) === unknown) ??
    parts.sort((a, b) => normalize(b).length - normalize(a).length)[0]
  )
}
