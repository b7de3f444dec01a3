// Tokenizers from tokenizer.json: the only importer of @huggingface/tokenizers.

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { DataError } from '../errors.ts'
import { readText } from '../source/text.ts'

export interface Tokenizer {
  /** Ids of a text, without padding or truncation, whatever tokenizer.json asks for; special tokens only where its post-processor adds them. */
  encode: (text: string) => number[]
  decode: (ids: readonly number[]) => string
  /** Id of a token of the vocabulary; undefined for others. */
  tokenToId: (token: string) => number | undefined
  /** Number of ids. */
  readonly vocabSize: number
  /** Id used to pad, where the tokenizer names one. */
  readonly padTokenId: number | undefined
}

/** Wraps the parsed contents of tokenizer.json and tokenizer_config.json. @throws {DataError} when they make no tokenizer. */
export function createTokenizer(tokenizerJson: object, tokenizerConfig: object = {}): Tokenizer {
  let inner: HuggingFaceTokenizer
  try {
    inner = new HuggingFaceTokenizer(tokenizerJson, tokenizerConfig)
  } catch (cause) {
    throw new DataError({ where: 'tokenizer.json', what: 'not a tokenizer', found: (cause as Error).message }, { cause })
  }
  const { pad_token: pad } = tokenizerConfig as { pad_token?: string | { content: string } }
  const padToken = typeof pad === 'object' ? pad?.content : pad
  return {
    encode: (text) => Array.from(inner.encode(text).ids, Number),
    decode: (ids) => inner.decode([...ids], { skip_special_tokens: true }),
    tokenToId: (token) => inner.token_to_id(token),
    vocabSize: Object.keys((tokenizerJson as { model?: { vocab?: object } }).model?.vocab ?? {}).length,
    padTokenId: padToken === undefined ? undefined : inner.token_to_id(padToken),
  }
}

/** Reads a folder's tokenizer.json and tokenizer_config.json. @throws {DataError} naming the file. */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const parse = async (name: string, missing?: object): Promise<object> => {
    const file = await readText([`${folder}/${name}`]).catch((error) => {
      if (missing) return { path: name, content: JSON.stringify(missing) }
      throw error
    })
    try {
      return JSON.parse(file.content) as object
    } catch (cause) {
      throw new DataError({ where: file.path, what: 'not JSON', found: (cause as Error).message }, { cause })
    }
  }
  return createTokenizer(await parse('tokenizer.json'), await parse('tokenizer_config.json', {}))
}
