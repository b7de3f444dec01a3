import { memoryFiles, memorySink, openFileIn } from '@cola/data'
import { addInput, build, createGraph, float32, serializeSafetensors } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { copyTokenizer, readSafetensorsFile, writeModelFolder } from '../../src/index.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data)

function written(layout: 'flat' | 'hub', files: Record<string, string>): ReadonlyMap<string, Uint8Array> {
  const graph = createGraph('model')
  build(graph).node('Neg', [addInput(graph, 'x', 'float32', [1])], { outputs: ['y'] })
  graph.outputs = ['y']
  const [tokenizerFolder, folder] = [memorySink(), memorySink()]
  for (const [name, content] of Object.entries(files)) tokenizerFolder.write(name, [bytes(content)])
  writeModelFolder({ folder, graph, config: {}, tokenizerFolder, layout })
  return folder.written
}

const jinja = '{% for m in messages %}{{ m.content }}„ü“\n{% endfor %}'
const config = '{ "eos_token": "</s>", "chat_template": "old" }'

it('refuses a source without a tokenizer, such as the name of one that was not fetched', () => {
  const other = memoryFiles({ 'config.json': bytes('{}') }, 'other')
  expect(() => copyTokenizer(other, memorySink())).toThrow(
    /^other: no tokenizer, expected tokenizer\.json, tokenizer_config\.json\. .*give await openFiles\(source, /,
  )
  expect(() => written('flat', {})).toThrow(/: no tokenizer/)
})

it('reads tensors of what openFileIn opens, from any source', async () => {
  const file = serializeSafetensors(new Map([['a', float32([2], [1, 2])]]))
  const opened = await openFileIn({ 'x.safetensors': file }, '*.safetensors')
  expect(readSafetensorsFile(opened).tensors.get('a')?.dims).toEqual([2])
  expect(() => readSafetensorsFile(new Blob([]) as never)).toThrow(
    /readSafetensorsFile, source: not a valid value, .*give await openFileIn\(source, '\*\.safetensors'\)/,
  )
})

describe('a chat template in a file of its own', () => {
  it('is in tokenizer_config.json too where transformers.js reads it', () => {
    const files = written('hub', { 'tokenizer_config.json': config, 'chat_template.jinja': jinja })
    expect(text(files.get('chat_template.jinja'))).toBe(jinja)
    expect(JSON.parse(text(files.get('tokenizer_config.json')))).toEqual({ eos_token: '</s>', chat_template: jinja })
    const alone = written('hub', { 'chat_template.jinja': jinja })
    expect(JSON.parse(text(alone.get('tokenizer_config.json')))).toEqual({ chat_template: jinja })
  })

  it('is copied as it is elsewhere', () => {
    const files = written('flat', { 'tokenizer_config.json': config, 'chat_template.jinja': jinja })
    expect(text(files.get('tokenizer_config.json'))).toBe(config)
    expect(text(files.get('chat_template.jinja'))).toBe(jinja)
    expect(text(written('hub', { 'tokenizer_config.json': config }).get('tokenizer_config.json'))).toBe(config)
  })
})
