// The lint rule that keeps the rooms apart: imports go down only, never sideways between packages, and each third-party
// library has one importer.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/**
 * Packages that each may import, and its folders from the lowest stage to the highest; files at the top belong to the
 * stage given.
 */
const packages = {
  graph: {
    imports: [],
    stages: ['tensor', 'ir', 'ops', 'onnx', 'grad', 'rewrite'],
    files: {
      'edit-distance.ts': -4,
      'is-blank.ts': -3,
      'closest-name.ts': -3,
      'errors.ts': -3,
      'options.ts': -2,
      'door.ts': -1,
    },
  },
  data: {
    // No graphs: the base of all errors, and the checks of options and of what functions take.
    imports: ['graph/errors', 'graph/options', 'graph/door'],
    stages: ['files', 'hub', 'open', 'source', 'tokenizer', 'batch', 'metrics'],
    files: { 'errors.ts': -1, 'random.ts': -1 },
  },
  train: {
    imports: ['data', 'graph'],
    stages: ['files', 'runtime', 'optim', 'artifacts', 'session', 'config', 'classify', 'trainer', 'worker'],
    files: { 'errors.ts': -2, 'check-labels.ts': -1 },
  },
  rnn: { imports: ['data', 'graph', 'train'], stages: ['student', 'files'], files: {} },
  distill: { imports: ['data', 'graph', 'train', 'rnn'], stages: ['losses', 'teacher', 'run'], files: {} },
  lora: {
    imports: ['data', 'graph', 'train'],
    stages: [
      'regex',
      'gpt2',
      'methods',
      'inject',
      'adapter',
      'onnx',
      'load',
      'classify',
      'generate',
      'tasks',
      'finetune',
    ],
    files: { 'errors.ts': -2, 'matrix.ts': -2, 'schema.ts': -1, 'linalg.ts': -1 },
  },
}

const problems = []
const files = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? files(join(folder, entry.name))
      : entry.name.endsWith('.ts')
        ? [join(folder, entry.name)]
        : [],
  )

/** Stage of a file: its folder's place in the pipeline; index.ts is above all. */
function stageOf({ stages, files: top }, path) {
  const [folder, ...rest] = path.split('/')
  if (rest.length === 0) return top[folder] ?? stages.length
  const stage = stages.indexOf(folder)
  if (stage < 0) problems.push(`${path}: folder "${folder}" is not a stage of tools/check-layers.mjs`)
  return stage
}

for (const [name, rules] of Object.entries(packages)) {
  const source = resolve('packages', name, 'src')
  const importers = new Map()
  for (const file of files(source)) {
    const path = relative(source, file)
    const text = readFileSync(file, 'utf8')
    for (const [, target] of text.matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
      if (target.startsWith('.')) {
        const imported = relative(source, join(dirname(file), target))
        if (imported.startsWith('..')) problems.push(`${name}/${path}: imports ${target}, outside its package`)
        else if (stageOf(rules, imported) > stageOf(rules, path))
          problems.push(`${name}/${path}: imports upward, ${target}`)
      } else if (target.startsWith('@cola/')) {
        const imported = target.slice('@cola/'.length)
        if (!rules.imports.some((allowed) => imported === allowed || imported.startsWith(`${allowed}/`)))
          problems.push(`${name}/${path}: must not import ${target}`)
      } else if (!target.startsWith('node:')) {
        const library = target.startsWith('@')
          ? target.split('/').slice(0, 2).join('/')
          : (target.split('/')[0] ?? target)
        importers.set(library, new Set([...(importers.get(library) ?? []), path]))
      }
    }
  }
  for (const [library, paths] of importers)
    if (paths.size > 1)
      problems.push(`${name}: ${library} is imported in ${[...paths].join(' and ')}; one file is enough`)
}
for (const problem of problems) console.error(problem)
process.exitCode = problems.length ? 1 : 0
