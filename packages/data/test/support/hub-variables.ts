import { afterEach, beforeEach, vi } from 'vitest'

const variables = [
  ...[
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HOME',
    'XDG_CACHE_HOME',
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
  ],
  ...['HF_ENDPOINT', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'],
]

/** Unsets the variables that huggingface_hub reads, before each test of a file, and sets HOME. */
export function withoutHubVariables(home: string): void {
  beforeEach(() => {
    for (const name of variables) vi.stubEnv(name, undefined)
    vi.stubEnv('HOME', home)
  })
  afterEach(() => vi.unstubAllEnvs())
}
