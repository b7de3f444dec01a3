// node:fs for the packages' tests in a browser: fixtures, from Vite's server.

/** The contents of a file. Synchronous, as in Node: the bytes come as the characters of a text. */
export function readFileSync(file: string | URL, encoding?: 'utf8'): string | Uint8Array {
  const request = new XMLHttpRequest()
  request.open('GET', typeof file === 'string' ? `/@fs${file}` : file.href, false)
  request.overrideMimeType('text/plain; charset=x-user-defined')
  request.send()
  if (request.status !== 200) throw new Error(`${file}: ${request.status}`)
  // The bytes from 128 on are characters from U+F780 on.
  const bytes = Uint8Array.from(request.responseText, (character) => character.charCodeAt(0) & 0xff)
  return encoding ? new TextDecoder().decode(bytes) : bytes
}
