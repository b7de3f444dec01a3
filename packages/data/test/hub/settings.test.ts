import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { cacheFolder, endpointOf, isOffline, readToken, storedToken } from '../../src/hub/settings.ts'
import { withoutHubVariables } from '../support/hub-variables.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-hub-'))
withoutHubVariables(join(folder, 'home'))
afterAll(() => rmSync(folder, { recursive: true }))

interface SettingsFixture {
  stored: Record<string, string>
  rows: {
    environment: Record<string, string>
    expected: { endpoint: string; cache: string; offline: boolean; read: string | null; write: string | null }
  }[]
}

const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/hub-settings/settings.json'), 'utf8'),
) as SettingsFixture

describe('the environment', () => {
  beforeAll(() => {
    for (const [name, content] of Object.entries(fixture.stored)) {
      mkdirSync(dirname(join(folder, 'home', name)), { recursive: true })
      writeFileSync(join(folder, 'home', name), content)
    }
  })
  it.each(fixture.rows.map((row) => [JSON.stringify(row.environment), row] as const))(
    '%s means what it means to huggingface_hub',
    async (_, row) => {
      const at = join(folder, 'home')
      for (const [name, value] of Object.entries(row.environment)) vi.stubEnv(name, value.replace('{home}', at))
      expect({
        endpoint: endpointOf(),
        cache: (await cacheFolder()).replace(at, '{home}'),
        offline: isOffline(),
        read: (await readToken()) ?? null,
        write: (await storedToken()) ?? null,
      }).toEqual(row.expected)
    },
  )
})
