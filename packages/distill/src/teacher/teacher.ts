// What a teacher is: whatever gives logits for texts.

import type { Label, Tokenizer } from '@cola/data'

/** Texts under the name of their split. */
export interface Split {
  /** Names the tensor in a file of logits. */
  name: string
  texts: readonly string[]
}

/** A text as a teacher reads it. */
export interface TextStates {
  /** [tokens], with the special tokens that its tokenizer adds. */
  readonly input_ids: readonly number[]
  /** Last hidden states [token, width], row by row. */
  readonly states: Float32Array
}

/** What teaches: logits of texts, and perhaps more. */
export interface Teacher {
  /** Logits [texts, classes], row by row; -Infinity for a class that it never gives. */
  readonly logits: (split: Split) => Promise<Float32Array>
  /** Hidden states [texts, width], for losses between them. @default it shows none */
  readonly hidden?: (split: Split) => Promise<Float32Array>
  /** Hidden states of every token of texts, for the option `hidden_states` of `distill`. @default it shows none */
  readonly hiddenStates?: (texts: readonly string[]) => Promise<readonly TextStates[]>
  /** Changes whenever a logit may; what a cache is keyed by. @default a cache would gain nothing */
  readonly fingerprint?: () => string | Promise<string>
  /** What each of its logits is called. @default not known */
  readonly labels?: readonly Label[]
  /** Its tokenizer, which a student may share. @default not known */
  readonly tokenizer?: Tokenizer
}
