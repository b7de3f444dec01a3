// A page that classifies by itself: the model lies beside it.

import { loadClassifier } from '@cola/train'

const said = document.querySelector('#said') as HTMLElement
const answer = document.querySelector('#answer') as HTMLElement
const form = document.querySelector('form') as HTMLFormElement

async function bytesAt(name: string): Promise<Uint8Array> {
  const response = await fetch(new URL(`model/${name}`, document.baseURI))
  if (!response.ok) throw new Error(`model/${name} is not beside this page (status ${response.status})`)
  return new Uint8Array(await response.arrayBuffer())
}

try {
  const names = JSON.parse(new TextDecoder().decode(await bytesAt('files.json'))) as string[]
  const files = await Promise.all(names.map(async (name) => [name, await bytesAt(name)] as const))
  const { labels, classify } = await loadClassifier(Object.fromEntries(files), { device: 'wasm' })
  said.textContent = `Answers with ${labels.join(', ')}. Nothing leaves this machine.`
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const [result] = await classify([String(new FormData(form).get('text'))])
    const shares = labels.map((name, i) => ({ name, share: result?.probabilities[i] ?? 0 }))
    const lines = shares
      .sort((a, b) => b.share - a.share)
      .map(({ name, share }) => {
        const line = document.createElement('li')
        const number = document.createElement('span')
        number.textContent = `${(100 * share).toFixed(1)}%`
        line.append(name, number)
        return line
      })
    answer.replaceChildren(...lines)
  })
} catch (error) {
  said.textContent = `The model could not be loaded: ${(error as Error).message}`
}
