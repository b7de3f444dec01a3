// Checks the options of a call, and says what does what an option of another API does.

import { type Check, checkOptions } from '@cola/graph/options'

const one = 'It is not supported: a prompt has one text. Give the prompt several times, with do_sample: true.'
const unsupported = 'It is not supported: leave it out.'

/** What does in `generate` what an option does in another API, by its name. */
const elsewhere: Readonly<Record<string, string>> = {
  max_tokens: 'It is max_new_tokens.',
  max_completion_tokens: 'It is max_new_tokens.',
  max_length: 'It is max_new_tokens, without the tokens of the prompt.',
  stop: 'It is stop_strings.',
  stop_sequences: 'It is stop_strings.',
  n: one,
  num_return_sequences: one,
  num_beams: 'It is not supported: leave it out. The most probable token is taken, or a sample with do_sample: true.',
  no_repeat_ngram_size: 'It is not supported. repetition_penalty makes tokens that the text has less probable.',
  return_full_text: 'The new text alone is returned: prompt + text is the full one.',
  streamer: 'It is onToken: (id, text) => ...; stream gives the pieces of texts.',
  skip_special_tokens: 'Special tokens are left out of the text.',
  min_new_tokens: unsupported,
  min_length: unsupported,
}

/** @throws {ConfigError} as `checkOptions` does. */
export const checkGenerate = (options: object, checks: Readonly<Record<string, Check>>): void =>
  checkOptions('generate', options, checks, false, elsewhere)
