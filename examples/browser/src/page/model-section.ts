// The second section: which model is fine-tuned, and opening it.

import type { KeptModel, ModelChoice } from '../messages.ts'
import { byId, el, fill, show } from './dom.ts'
import { card } from './parts.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'
import { bytesText, count, parametersText } from './words.ts'

const models: readonly { id: string; title: string; about: string; choice?: ModelChoice }[] = [
  {
    id: 'embedded',
    title: 'The one that came along',
    about: '0.8 million parameters, here at once. It knows the words of the first three samples.',
    choice: { kind: 'embedded' },
  },
  {
    id: 'minilm',
    title: 'MiniLM',
    about: '22.6 million parameters, 90 MB from the Hugging Face hub, once. For texts in English.',
    choice: { kind: 'hub', name: 'Xenova/all-MiniLM-L6-v2' },
  },
  { id: 'hub', title: 'Another from the hub', about: 'Any model with an ONNX file.' },
  { id: 'folder', title: 'A folder of yours', about: 'It is read here and goes nowhere.' },
]

/** A file by its path in the folder that was picked: WebKit does not send the path itself to workers. */
const named = (file: File): File => new File([file], file.webkitRelativePath)

export function modelSection(page: Page): void {
  const [name, folder] = [byId('hub-name', HTMLInputElement), byId('folder', HTMLInputElement)]
  const [button, progress] = [byId('open-model', HTMLButtonElement), byId('open-progress', HTMLProgressElement)]
  let chosen = 'embedded'
  const choiceOf = (): ModelChoice | undefined => {
    if (chosen === 'hub') return name.value.trim() === '' ? undefined : { kind: 'hub', name: name.value.trim() }
    if (chosen === 'folder')
      return folder.files?.length ? { kind: 'folder', files: [...folder.files].map(named) } : undefined
    return models.find(({ id }) => id === chosen)?.choice
  }
  const openChosen = async () => {
    const choice = choiceOf()
    if (!choice) return (chosen === 'hub' ? name : folder).focus()
    return open(choice)
  }
  const open = async (choice: ModelChoice) => {
    button.disabled = true
    show(true, progress)
    progress.removeAttribute('value')
    page.change({ model: undefined, plan: undefined })
    fill(byId('model-summary'), 'Opening …')
    const model = await attempt('model-problem', () => page.call('open', choice))
    show(false, progress)
    if (!model) fill(byId('model-summary'))
    button.disabled = false
    page.change({ choice, model, adapter: undefined, adapters: model ? await page.call('adapters', undefined) : [] })
  }
  page.on('opening', ({ file, loaded, total }) => {
    if (total) {
      progress.max = total
      progress.value = loaded
    }
    fill(byId('model-summary'), `${file}: ${bytesText(loaded)}${total ? ` of ${bytesText(total)}` : ''}`)
  })
  byId('models').append(
    ...models.map(({ id, title, about }) =>
      card({ group: 'model', value: id, id: `model-${id}`, title, about, checked: id === chosen }, () => {
        chosen = id
        show(id === 'hub', byId('hub-field'))
        show(id === 'folder', byId('folder-field'))
        if (id === 'folder') void findKept()
        if (id === 'embedded') void openChosen()
      }),
    ),
  )
  button.addEventListener('click', () => void openChosen())
  const again = byId('open-kept', HTMLButtonElement)
  let kept: KeptModel | undefined
  again.addEventListener('click', () => kept && void open(kept))
  const findKept = async () => {
    kept = await page.call('keptModel', undefined).catch(() => undefined)
    again.textContent = `Open “${kept?.name}” as it was copied`
    show(kept !== undefined, again)
  }
  // The embedded model is small: it is opened as soon as there are examples for it.
  page.watch(['rows'], ({ rows, model }) => {
    if (rows.length > 0 && !model && chosen === 'embedded' && !button.disabled) void openChosen()
  })
  page.watch(['model', 'run'], ({ model, run }) => {
    button.disabled = run !== 'idle'
    again.disabled = run !== 'idle'
    if (model)
      fill(
        byId('model-summary'),
        el('strong', {}, model.name),
        ` is open: ${model.type}, ${parametersText(model.parameters)} parameters, texts of up to ${count(model.max_length)} tokens.`,
      )
    else fill(byId('model-summary'))
  })
}
