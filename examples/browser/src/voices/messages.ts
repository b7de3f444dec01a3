// What the page of voices and its worker say to each other.

/** A voice: an adapter of the language model. */
export interface Voice {
  /** What calls choose it by. */
  name: string
  /** Bytes of its tensors' file. */
  bytes: number
}

/** How the words of an answer are chosen. */
export interface How {
  do_sample: boolean
  temperature: number
  max_new_tokens: number
  seed: number
}

export interface OpenedModel {
  parameters: number
  /** Whole words of its vocabulary. */
  words: readonly string[]
}

export interface Said {
  ids: readonly number[]
  /** Seconds from the first run to the last token. */
  seconds: number
  reason: 'stop' | 'length' | 'stopped'
}

/** Each call by name; those with an `id` can be stopped by it. */
export interface Calls {
  open: { ask: undefined; answer: OpenedModel }
  learn: { ask: { id: number; name: string; texts: readonly string[]; epochs: number }; answer: Voice }
  /** Continues a text; without a voice, the model alone does. */
  say: { ask: { id: number; text: string; voice: string | undefined; how: How }; answer: Said }
  stop: { ask: number; answer: undefined }
  add: { ask: readonly File[]; answer: Voice }
  download: { ask: string; answer: { name: string; blob: Blob } }
}

/** What the worker tells without being asked. */
export type Told =
  | { event: 'step'; id: number; share: number; loss: number }
  | { event: 'piece'; id: number; piece: string; tokens: number; seconds: number }
  /** A session was opened, for the model with these voices. */
  | { event: 'opened'; voices: readonly string[]; times: number }
