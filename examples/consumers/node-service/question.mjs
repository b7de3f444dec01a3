// What a client may ask: the body of a request, read and checked.

import * as v from 'valibot'
import { Refusal } from './refusal.mjs'

/** Whole body as text. What is beyond the limit is read and dropped, so that the client gets its answer. */
function readBody(request, limit) {
  return new Promise((resolve, reject) => {
    const chunks = []
    let size = 0
    request.on('data', (chunk) => {
      size += chunk.length
      if (size <= limit) return chunks.push(chunk)
      chunks.length = 0
      return reject(new Refusal(413, `body: more than ${limit} bytes`))
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', reject)
  })
}

function parseJson(bytes) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Refusal(400, 'body: not JSON in UTF-8')
  }
}

/** A reader of questions {adapter, texts}. It throws a Refusal that says which field is wrong, and how. */
export function questionReader(adapters, { MAX_BODY_BYTES, MAX_TEXTS, MAX_CHARACTERS }) {
  const text = v.pipe(
    v.string('not a string'),
    v.nonEmpty('empty'),
    v.maxLength(MAX_CHARACTERS, `more than ${MAX_CHARACTERS} characters`),
  )
  const schema = v.strictObject(
    {
      adapter: v.string('which adapter?'),
      texts: v.pipe(
        v.array(v.unknown(), 'not a list of strings'),
        v.minLength(1, 'no texts'),
        v.maxLength(MAX_TEXTS, `more than ${MAX_TEXTS} texts`),
        v.array(text),
      ),
    },
    ({ expected }) => (expected === 'never' ? 'unknown field' : 'expected {"adapter": name, "texts": [text, ...]}'),
  )
  return async (request) => {
    const { issues, output } = v.safeParse(schema, parseJson(await readBody(request, MAX_BODY_BYTES)), {
      abortEarly: true,
      abortPipeEarly: true,
    })
    if (issues) {
      const field = v.getDotPath(issues[0]) ?? 'body'
      const body = field === 'adapter' ? { adapters } : {}
      throw new Refusal(400, `${field}: ${issues[0].message}`, { body })
    }
    if (!adapters.includes(output.adapter))
      throw new Refusal(404, 'adapter: no adapter of this name', { body: { adapters } })
    return output
  }
}
