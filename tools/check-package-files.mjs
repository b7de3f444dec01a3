// Checks what npm would publish of the package in this folder: the files that people look for, a source map beside each
// piece of JavaScript with the source that it names, and a changelog that has this version.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'))
const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']))
const paths = new Set(files.map(({ path }) => path))
const scripts = [...paths].filter((path) => /^dist\/.*\.js$/.test(path))

const missing = ['README.md', 'LICENSE', 'CHANGELOG.md', ...scripts.map((path) => `${path}.map`)].filter(
  (path) => !paths.has(path),
)
const problems = missing.map((path) => `no ${path}`)
if (scripts.length === 0) problems.push('no JavaScript: build it first')
if (![...paths].some((path) => path.startsWith('src/'))) problems.push('no sources, which the source maps name')
if (paths.has('CHANGELOG.md') && !readFileSync('CHANGELOG.md', 'utf8').includes(`\n## ${version}\n`))
  problems.push(`CHANGELOG.md has no "## ${version}": run npx changeset version`)
for (const problem of problems) console.error(`${name}: ${problem}`)
process.exitCode = problems.length ? 1 : 0
