// The text that new tokens add to a prompt.

import type { Tokenizer } from '@cola/data'
import type { GenerateOptions } from './generate-tokens.ts'

type Stops = Pick<GenerateOptions, 'stop_strings'>

/** What continuations add to a text: decoders may drop the space before a text's first word. */
export function decoderOf(tokenizer: Tokenizer, prompt: readonly number[]): (generated: readonly number[]) => string {
  const before = tokenizer.decode(prompt)
  return (generated) => {
    const decoded = tokenizer.decode([...prompt, ...generated])
    return decoded.startsWith(before) ? decoded.slice(before.length) : tokenizer.decode(generated)
  }
}

const stopsOf = ({ stop_strings = [] }: Stops): readonly string[] => [stop_strings].flat()

/** A text up to its first stop string. */
export function cut(text: string, options: Stops): string {
  const ends = stopsOf(options).flatMap((stop) => (text.includes(stop) ? [text.indexOf(stop)] : []))
  return text.slice(0, Math.min(text.length, ...ends))
}

/** The part of a text that further tokens leave as it is: without the begin of a character or of a stop string. */
export function certain(text: string, options: Stops): string {
  const whole = text.replace(/\uFFFD+$/, '')
  const begun = stopsOf(options).flatMap((stop) =>
    Array.from({ length: stop.length - 1 }, (_, i) => stop.length - 1 - i).filter((size) =>
      whole.endsWith(stop.slice(0, size)),
    ),
  )
  return whole.slice(0, whole.length - Math.max(0, ...begun))
}
