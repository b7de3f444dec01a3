// node:fs for the packages' tests in a browser: fixtures, from Vite's server.

/** Where the server lists folders (list-folders.ts). */
export const listing = '/@folder'

function get(address: string): XMLHttpRequest {
  const request = new XMLHttpRequest()
  request.open('GET', address, false)
  request.overrideMimeType('text/plain; charset=x-user-defined')
  request.send()
  return request
}

/** The contents of a file. Synchronous, as in Node: the bytes come as the characters of a text. */
export function readFileSync(file: string | URL, encoding?: 'utf8'): string | Uint8Array {
  const { status, responseText } = get(typeof file === 'string' ? `/@fs${file}` : file.href)
  if (status !== 200) throw new Error(`${file}: ${status}`)
  // The bytes from 128 on are characters from U+F780 on.
  const bytes = Uint8Array.from(responseText, (character) => character.charCodeAt(0) & 0xff)
  return encoding ? new TextDecoder().decode(bytes) : bytes
}

/** Whether a file or a folder of the repository exists. */
export const existsSync = (path: string): boolean => get(`${listing}${path}`).status === 200

/** The names in a folder. */
export function readdirSync(folder: string, { recursive = false }: { recursive?: boolean } = {}): string[] {
  const { status, responseText } = get(`${listing}${folder}${recursive ? '?recursive' : ''}`)
  if (status !== 200) throw new Error(`${folder}: ${status}`)
  return JSON.parse(responseText) as string[]
}
