// Python with packages of PyPI: peers that read what the packages write. For tests.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { alone } from './alone.ts'
import { root } from './root.ts'

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** Python of this machine; COLA_PYTHON names another one, of a virtual environment for example. */
export const python = process.env.COLA_PYTHON ?? (works('python3', '-V') ? 'python3' : 'python')

/** Whether a Python imports modules. */
export const hasModules = (command: string, ...modules: string[]): boolean =>
  works(command, '-c', `import ${modules.join(', ')}`)

export interface Environment {
  readonly python: string
  /** Why its modules are not there: the tests are skipped. */
  readonly missing?: string
}

/**
 * Python with modules: {@link python} where it has them, else a virtual environment in `out/`, made once and kept.
 * @param requirements What pip installs into it.
 */
export async function pythonWith(
  name: string,
  modules: readonly string[],
  requirements: () => readonly string[],
): Promise<Environment> {
  if (hasModules(python, ...modules)) return { python }
  const folder = join(root, 'out', `python-${name}`)
  const own = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  return alone(`python-${name}`, () => {
    if (hasModules(own, ...modules)) return { python: own }
    // Debian has Python without venv.
    if (!hasModules(python, 'venv', 'ensurepip')) return { python, missing: 'Python with venv is missing' }
    if (!works(python, '-m', 'venv', folder)) return { python, missing: 'no virtual environment can be made' }
    const { status, stderr } = spawnSync(own, ['-m', 'pip', 'install', '-q', ...requirements()], { timeout: 300_000 })
    if (status === 0) return { python: own }
    return { python: own, missing: `the registry lacks packages for this Python: ${String(stderr).slice(-200)}` }
  })
}
