// Options and results of generating texts.

import type { FinishReason, GenerateOptions } from './generate-tokens.ts'

/** Options of generating text. */
export interface GenerateTextOptions extends Omit<GenerateOptions, 'onToken' | 'attention_mask'> {
  /** Called with each new token, and the new text so far. */
  onToken?: (id: number, text: string) => void
}

/** Options of generating texts for several prompts. */
export interface GenerateTextsOptions extends Omit<GenerateTextOptions, 'onToken'> {
  /** Called with each new token, the new text of its row so far, and the row. */
  onToken?: (id: number, text: string, row: number) => void
}

/** Options of generating texts one after another. */
export interface StreamTextsOptions extends Omit<GenerateTextsOptions, 'onToken' | 'onFinish'> {
  /** Texts that are generated at once. @default 32 */
  batch_size?: number
}

/** A piece of a text that is generated. */
export interface GeneratedPiece {
  /** Number of its prompt, from 0. */
  readonly row: number
  /** Whole characters that follow those of the row's pieces before. */
  readonly text: string
}

/** A text that has ended. */
export interface GeneratedText {
  /** Number of its prompt, from 0. */
  readonly row: number
  /** The new text alone, as `generate` gives it. */
  readonly text: string
  readonly reason: FinishReason
}
