// The examples run, small: what they print last and what they leave behind.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSentences } from '@cola/data'
import { afterAll, describe, expect, it } from 'vitest'
import { tokenizerConfig, wordTokenizer } from './support/tokenizer.ts'
import { intentRows, intentTable } from './tables/intents.ts'

const embedded = join(import.meta.dirname, 'model')
const pretrained = join(import.meta.dirname, '../../shared/data/minilm-l6')
const out = mkdtempSync(join(tmpdir(), 'cola-examples-'))
afterAll(() => rmSync(out, { recursive: true }))

function run(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--conditions=@cola/source', join(import.meta.dirname, script), ...args],
    {
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
    },
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

interface Score {
  rows: number
  accuracy: number
  mcc: number
  f1_macro: number
  loss: number
}

/** What a run prints last with --json. */
interface Summary {
  classes: string[]
  epochs: number
  best_epoch: number
  splits: Record<'train' | 'validation' | 'held_out', Score>
}

const summaryOf = (printed: string): Summary => JSON.parse(printed.trimEnd().split('\n').at(-1) as string) as Summary

/** Writes rows as lines of JSON, as Windows ends them. @returns the file */
function jsonLines(name: string, rows: readonly object[]): string {
  const path = join(out, name)
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\r\n`).join(''))
  return path
}

/** The numbers in per cent of a line of a table. */
const percents = (printed: string, name: string): number[] =>
  [...(new RegExp(`^${name} .*$`, 'm').exec(printed)?.[0] ?? '').matchAll(/([\d.]+)%/g)].map(([, value]) =>
    Number(value),
  )

describe('examples', () => {
  it('first-steps: the ten lines run on any model', () => {
    const folder = join(out, 'first-steps')
    expect(run('first-steps.ts', '--model', embedded, '--out', folder)).toMatch(/\n(hours|refund|track)\n$/)
    expect(existsSync(join(folder, 'adapter_model.safetensors'))).toBe(true)
  })

  it.skipIf(!existsSync(pretrained))('first-steps: a pretrained encoder tells the intents apart', () => {
    const printed = run('first-steps.ts', '--model', pretrained, '--out', join(out, 'first-steps-minilm'))
    expect(printed).toMatch(/accuracy: (1|0\.9\d*),/)
    expect(printed).toMatch(/label: 'refund'/)
    expect(printed).toMatch(/\nhours\n$/)
  })

  it('several-labels: questions, negations and persons of sentences of one’s own', () => {
    const rows = generateSentences({ seed: 5, count: 600 }).map(({ text }) => ({
      text,
      label: [
        ...(text.endsWith('?') ? ['question'] : []),
        ...(/\b(not|never|no)\b/i.test(text) ? ['negation'] : []),
        ...(/\b(girls?|boys?|kings?|queens?)\b/.test(text) ? ['person'] : []),
      ],
    }))
    const settings = ['--model', embedded, '--data', jsonLines('labels.jsonl', rows), '--epochs', '8', '--lr', '3e-3']
    const printed = run('several-labels.ts', ...settings, '--out', join(out, 'several-labels'))
    expect(percents(printed, 'subset_accuracy')[0]).toBeGreaterThan(75)
    expect(percents(printed, 'f1_micro')[0]).toBeGreaterThan(75)
  })

  it('named-entities: the persons of sentences of one’s own', () => {
    const rows = generateSentences({ seed: 5, count: 300 }).map(({ text }) => ({
      text,
      spans: [...text.matchAll(/\b(Anna|Oscar|Clara|Hugo|Ruth|Peter)\b/g)].map(({ index, 0: name }) => ({
        start: index,
        end: index + name.length,
        label: 'PERSON',
      })),
    }))
    const settings = ['--model', embedded, '--data', jsonLines('spans.jsonl', rows), '--epochs', '2', '--lr', '3e-3']
    const printed = run('named-entities.ts', ...settings, '--text', 'Ruth praised Oscar.', '--out', join(out, 'named'))
    expect(percents(printed, 'f1')[0]).toBeGreaterThan(95)
    expect(printed).toMatch(/PERSON 0-4 Ruth .*\n {2}PERSON 13-18 Oscar /)
  })

  it.skipIf(!existsSync(pretrained))('named-entities: names that no row had', () => {
    const printed = run('named-entities.ts', '--model', pretrained, '--out', join(out, 'bookings'))
    expect(percents(printed, 'f1')[0]).toBeGreaterThan(95)
    expect(printed).toMatch(/PLACE 12-26 the Blue Heron .*\n {2}PERSON 31-44 Nadia Petrova /)
  })

  it('generate: a model that wrote statements asks questions', () => {
    const file = join(out, 'questions.txt')
    const asked = generateSentences({ seed: 9, count: 4000 }).filter(({ text, label }) => label && text.endsWith('?'))
    writeFileSync(file, asked.map(({ text }) => `${text}\r\n`).join(''))
    const printed = run('generate.ts', '--text', file, '--epochs', '2', '--out', join(out, 'generate'))
    expect(printed).toContain(`${asked.length} texts`)
    const [before, after] = [printed.split(/^epoch /m)[0], printed.split(/^total /m)[1]].map(
      (part) => part?.match(/^ {2}.*[.?!]$/gm) ?? [],
    )
    expect(before?.filter((text) => text.endsWith('?')).length).toBeLessThan(4)
    expect(after).toHaveLength(5)
    expect(after?.every((text) => text.endsWith('?'))).toBe(true)
  })

  it('sentence-embeddings: sentences about one person are found by the person', () => {
    const people = ['girl', 'boy', 'king', 'queen', 'mother', 'sister', 'brother', 'waiter', 'actress', 'father']
    const said = [
      'laughed',
      'danced',
      'slept',
      'smiled',
      'did not laugh',
      'did not dance',
      'did not sleep',
      'often smile',
    ]
    const rows = people.flatMap((person) =>
      said.map((verb) => ({ anchor: `The ${person} ${verb}.`, positive: `This is the ${person}.` })),
    )
    const settings = ['--model', embedded, '--data', jsonLines('pairs.jsonl', rows), '--epochs', '8', '--lr', '3e-3']
    const printed = run('sentence-embeddings.ts', ...settings, '--out', join(out, 'sentence-embeddings'))
    const [before, after] = percents(printed, 'accuracy_at_1') as [number, number]
    expect(before).toBeLessThan(30)
    expect(after).toBeGreaterThan(70)
    expect(existsSync(join(out, 'sentence-embeddings', 'model', '1_Pooling', 'config.json'))).toBe(true)
  })

  it.skipIf(!existsSync(pretrained))('sentence-embeddings: an encoder learns the names of a house', () => {
    const printed = run('sentence-embeddings.ts', '--model', pretrained, '--out', join(out, 'search'))
    const [before, after] = percents(printed, 'accuracy_at_1') as [number, number]
    expect(before).toBeLessThan(60)
    expect(after).toBeGreaterThan(95)
    expect(printed).toMatch(/tea tastes of chalk\n .*Brisk/)
  })

  it('kd-loss-in-an-app', () => {
    const file = jsonLines('logits.jsonl', [{ student: [0.2, 0.9], teacher: [-1.1, 2.4], label: 1 }])
    const printed = run('kd-loss-in-an-app.ts', '--file', file)
    expect(printed).toMatch(/loss 0\.7162/)
    // KL divergence of softmax(teacher) from softmax(student) at T = 2, by NumPy.
    expect(printed).toMatch(/\n0\.1659\n$/)
  })

  it('sample-texts: sentences for a student, and more of them when it is started again', () => {
    const folder = join(out, 'sampled')
    const args = ['--epochs', '1', '--out', folder]
    expect(run('sample-texts.ts', ...args, '--count', '12')).toMatch(/wrote 12 sentences to .*texts\.jsonl; 12 now/)
    expect(run('sample-texts.ts', ...args, '--count', '15')).toMatch(/wrote 15 sentences to .*texts\.jsonl; 3 now/)
    const texts = readFileSync(join(folder, 'texts.jsonl'), 'utf8').trimEnd().split('\n')
    expect(new Set(texts.map((line) => (JSON.parse(line) as { text: string }).text)).size).toBe(15)
  })

  it('report, and again from what it kept; distill-rnn with its teacher; its adapter exported, and another report from that', () => {
    const folder = join(out, 'report')
    const args = ['--epochs', '2', '--student-epochs', '1', '--seeds', '2', '--out', folder]
    expect(run('report.ts', ...args)).toMatch(/wrote report\.md, report\.html and 8 figures/)
    const first = readFileSync(join(folder, 'report.md'), 'utf8')
    expect(first).toMatch(/Distillation (helps|hurts|does not help) here/)
    expect(first).toMatch(/\| majority class \| 50\.00% \|/)
    expect(readFileSync(join(folder, 'report.html'), 'utf8').match(/<svg /g)?.length).toBe(8)
    expect(readdirSync(folder).filter((name) => /^figure-\d\.(svg|png)$/.test(name)).length).toBe(16)
    // Nothing is trained twice: the second start prints no epoch.
    expect(run('report.ts', ...args)).not.toMatch(/^epoch 1/m)
    expect(readFileSync(join(folder, 'report.md'), 'utf8')).toBe(first)

    const student = join(out, 'student')
    const teacher = join(folder, 'teacher-1', 'classifier')
    const said = run('distill-rnn.ts', '--teacher', teacher, '--epochs', '3', '--seeds', '1', '--out', student)
    const accuracy = (kind: string) => Number(new RegExp(`^${kind} distillation +([\\d.]+)%`, 'm').exec(said)?.[1])
    // Students of 300 labels: four thousand sentences that the teacher scores are worth more than further epochs.
    expect(accuracy('with')).toBeGreaterThan(accuracy('without') + 4)
    expect(said).toMatch(/held-out templates/)
    expect(existsSync(join(student, 'student', 'model.safetensors'))).toBe(true)
    expect(existsSync(join(student, 'classifier', 'model.onnx'))).toBe(true)

    const [small, again] = [join(out, 'small'), join(out, 'again')]
    const adapter = ['--model', join(import.meta.dirname, 'model'), '--adapter', join(folder, 'teacher-1', 'adapter')]
    expect(run('export.ts', ...adapter, '--dtype', 'int4', '--layout', 'hub', '--out', small)).toMatch(/model_q4\.onnx/)
    expect(run('report.ts', '--teacher', small, '--student-epochs', '1', '--seeds', '1', '--out', again)).toMatch(
      /wrote report\.md/,
    )
    expect(readFileSync(join(again, 'report.md'), 'utf8')).toMatch(/Not run: the teacher was given/)

    // The adapter on its base shows the hidden states, from which every token of the student learns.
    const [tokens, kind] = [join(out, 'every-token'), join(out, 'student.json')]
    const common = { config: { embedding_size: 16, hidden_size: 16 }, batch_size: 32 }
    writeFileSync(kind, JSON.stringify({ common, with: { transfer: true, hidden_states: { weight: 2 } } }))
    const pair = ['--teacher', join(import.meta.dirname, 'model'), '--adapter', join(folder, 'teacher-1', 'adapter')]
    const last = ['--student', kind, '--student-epochs', '1', '--seeds', '1', '--out', tokens]
    expect(run('report.ts', ...pair, ...last)).toMatch(/wrote report\.md/)
    expect(readFileSync(join(tokens, 'report.md'), 'utf8')).toMatch(/\| hidden states weight +\| 2/)
  })

  it.skipIf(!existsSync(pretrained))(
    'lora-onnx on a pretrained model and a table of one’s own, its frozen products in eight bits',
    () => {
      const [folder, data] = [join(out, 'lora-onnx'), join(out, 'table.csv')]
      const animals = ['cat', 'dog', 'horse', 'sparrow', 'salmon', 'goat']
      const tools = ['hammer', 'saw', 'drill', 'spade', 'chisel', 'wrench']
      const rows = [...animals.map((word) => [word, 'animal']), ...tools.map((word) => [word, 'tool'])].flatMap(
        ([word, label]) =>
          ['I saw a', 'we bought this', 'she sold the', 'there lay one old'].map(
            (start) => `${start} ${word},${label}`,
          ),
      )
      writeFileSync(data, ['text,label', ...rows].join('\n'))
      const settings = ['--epochs', '3', '--batch', '8', '--lr', '2e-3', '--frozen-products', 'int8']
      expect(run('lora-onnx.ts', '--model', pretrained, '--data', data, ...settings, '--out', folder)).toMatch(
        /held-out rows .*100\.00%/,
      )
      expect(existsSync(join(folder, 'adapter', 'adapter_model.safetensors'))).toBe(true)
      expect(existsSync(join(folder, 'classifier', 'model.onnx'))).toBe(true)
    },
  )
  it('lora-gpt2 says its scores as JSON', () => {
    const { classes, epochs, best_epoch, splits } = summaryOf(
      run('lora-gpt2.ts', '--epochs', '1', '--json', '--out', join(out, 'lora-gpt2')),
    )
    expect([classes, epochs, best_epoch]).toEqual([['unacceptable', 'acceptable'], 1, 1])
    expect(Object.entries(splits).map(([name, { rows }]) => [name, rows])).toEqual([
      ['train', 4000],
      ['validation', 600],
      ['held_out', 600],
    ])
    for (const { accuracy, mcc, f1_macro, loss } of Object.values(splits)) {
      expect(accuracy).toBeGreaterThanOrEqual(0.45)
      expect(accuracy).toBeLessThanOrEqual(1)
      expect([mcc, f1_macro, loss].every(Number.isFinite)).toBe(true)
    }
  })

  /** Short sentences in the folders and columns of CoLA's public release. */
  function colaFolder(): string {
    const data = join(out, 'cola')
    const rows = generateSentences({ seed: 11, count: 600 })
      .filter(({ text }) => text.length < 30)
      .slice(0, 100)
    mkdirSync(join(data, 'raw'), { recursive: true })
    for (const split of ['in_domain_train', 'in_domain_dev', 'out_of_domain_dev'])
      writeFileSync(
        join(data, 'raw', `${split}.tsv`),
        rows.map(({ text, label }) => `x\t${label}\t\t${text}\n`).join(''),
      )
    return data
  }

  /** What evaluate.ts says of 100 sentences. */
  const score = (...args: string[]) =>
    JSON.parse(run('evaluate.ts', ...args, '--data', colaFolder(), '--json')) as Record<'mcc' | 'loss' | 'rows', number>

  it('export: an adapter that PEFT wrote scores the same on its base and merged into it', () => {
    const fixture = join(import.meta.dirname, '../tools/parity/fixtures/peft-default')
    const [base, folder] = [join(out, 'peft-base'), join(out, 'peft-merged')]
    cpSync(join(fixture, 'base'), base, { recursive: true })
    // The model has 101 tokens: the letters and a few words.
    writeFileSync(join(base, 'tokenizer.json'), JSON.stringify(wordTokenizer(['the girl and the boy do not laugh'])))
    writeFileSync(join(base, 'tokenizer_config.json'), JSON.stringify({ ...tokenizerConfig, model_max_length: 32 }))
    const adapter = ['--model', base, '--adapter', join(fixture, 'adapter')]
    const settings = [
      '--out',
      folder,
      '--labels',
      'bad,good',
      '--layout',
      'hub',
      '--text',
      'the girl and the boy laugh',
    ]
    expect(run('export.ts', ...adapter, ...settings)).toMatch(/onnx\/model\.onnx.*\n.*laugh {2}(bad|good) \([\d.]+%\)/)
    const { id2label, architectures } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
    expect({ id2label, architectures }).toEqual({
      id2label: { 0: 'bad', 1: 'good' },
      architectures: ['GPT2ForSequenceClassification'],
    })
    expect(score('--model', folder, '--batch', '7').loss).toBeCloseTo(score(...adapter).loss, 5)
  })

  it('evaluate: the adapter on its base, and the classifier that was exported from it, score alike', () => {
    const trained = join(out, 'lora-gpt2')
    const adapted = score('--model', embedded, '--adapter', join(trained, 'adapter'))
    const exported = score('--model', join(trained, 'classifier'))
    expect(adapted.rows).toBe(100)
    expect(adapted.mcc).toBeGreaterThan(0.3)
    expect(exported.mcc).toBeCloseTo(adapted.mcc, 6)
    expect(exported.loss).toBeCloseTo(adapted.loss, 4)
  })

  it('evaluate: an adapter that was trained with a start token finds it, and scores as its classifier', () => {
    const [bare, data, folder] = [join(out, 'bare'), join(out, 'start-token.tsv'), join(out, 'start-token')]
    cpSync(embedded, bare, { recursive: true })
    const tokenizer = JSON.parse(readFileSync(join(bare, 'tokenizer.json'), 'utf8'))
    writeFileSync(join(bare, 'tokenizer.json'), JSON.stringify({ ...tokenizer, post_processor: null }))
    const rows = generateSentences({ seed: 8, count: 60 })
    writeFileSync(data, ['text\tlabel', ...rows.map(({ text, label }) => `${text}\t${label}`)].join('\n'))
    run('lora-onnx.ts', '--model', bare, '--data', data, '--bos-token', '[CLS]', '--epochs', '1', '--out', folder)
    const adapted = score('--model', bare, '--adapter', join(folder, 'adapter'))
    const exported = score('--model', join(folder, 'classifier'))
    expect(adapted.loss).toBeCloseTo(exported.loss, 4)
  })

  it('lora-onnx: the model that is here, on a table of one’s own', () => {
    const data = join(out, 'kinds.tsv')
    const rows = generateSentences({ seed: 6, count: 400 })
    const kind = (text: string) =>
      text.endsWith('?') ? 'question' : /\b(not|never|no)\b/i.test(text) ? 'denial' : 'claim'
    writeFileSync(data, ['sentence\tkind', ...rows.map(({ text }) => `${text}\t${kind(text)}`)].join('\r\n'))
    const columns = ['--model', embedded, '--data', data, '--text', 'sentence', '--label', 'kind']
    const printed = run('lora-onnx.ts', ...columns, '--lr', '5e-3', '--json', '--out', join(out, 'kinds'))
    const { classes, splits } = summaryOf(printed)
    expect(classes).toEqual(['claim', 'denial', 'question'])
    expect(splits.held_out.accuracy).toBeGreaterThan(0.85)
  })

  describe.skipIf(!existsSync(pretrained))(
    'lora-onnx with its defaults learns a table of 180 rows and three intents in four epochs',
    () => {
      const files = {
        'intents.csv': intentTable(1),
        'intents.jsonl': intentRows(2)
          .map(({ text, label }) => JSON.stringify({ utterance: text, intent: label }))
          .join('\n'),
      }
      it.each([
        ['intents.csv', []],
        ['intents.jsonl', ['--text', 'utterance', '--label', 'intent', '--seed', '2']],
      ] as const)('%s', (name, columns) => {
        const data = join(out, name)
        writeFileSync(data, files[name])
        const printed = run(
          'lora-onnx.ts',
          '--model',
          pretrained,
          '--data',
          data,
          '--epochs',
          '4',
          ...columns,
          '--json',
          '--out',
          join(out, `${name}-run`),
        )
        const { classes, epochs, best_epoch, splits } = summaryOf(printed)
        expect([classes, epochs]).toEqual([['hours', 'refund', 'track'], 4])
        expect(best_epoch).toBeGreaterThanOrEqual(1)
        expect(splits.train.rows + splits.validation.rows + splits.held_out.rows).toBe(180)
        for (const { accuracy, mcc, f1_macro, loss } of [splits.validation, splits.held_out]) {
          expect(accuracy).toBeGreaterThan(0.9)
          expect(mcc).toBeGreaterThan(0.85)
          expect(f1_macro).toBeGreaterThan(0.9)
          expect(loss).toBeLessThan(0.7)
        }
      })
    },
  )
})
