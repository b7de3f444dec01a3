// The page that classifies by itself: its script and the runtime's files, as they were built beside this page, and a
// model.

import { fetched } from './fetched.ts'

/** Written by the build of standalone.config.ts. */
const listing = 'standalone/files.json'

/** The files of the site: index.html with its script and runtime, and the classifier in model/. */
export async function siteFiles(
  title: string,
  model: ReadonlyMap<string, Uint8Array>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  // The worker's script lies in assets/ of the built site, and in src/worker/ of the one that is developed.
  const root = new URL(import.meta.env.DEV ? '/' : '../', self.location.href)
  const at = (path: string) => fetched(path, new URL(path, root))
  const names = JSON.parse(new TextDecoder().decode(await at(listing))) as string[]
  const files = new Map<string, Uint8Array>()
  for (const name of names) files.set(name, await at(`standalone/${name}`))
  const page = new TextDecoder().decode(files.get('index.html')).replaceAll('{{title}}', escaped(title))
  files.set('index.html', new TextEncoder().encode(page))
  for (const [name, bytes] of model) files.set(`model/${name}`, bytes)
  const list = JSON.stringify([...model.keys()])
  files.set('model/files.json', new TextEncoder().encode(list))
  return files
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
