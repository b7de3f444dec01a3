// A local server with the Hugging Face hub's layout, for tests: one repository, one commit, its files.

import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'

export interface HubServer {
  endpoint: string
  /** What it does: serve, answer with a login page, refuse, or be slow. */
  mode: 'up' | 'html' | 'slow' | 'refuse'
  /** Answers of another kind, tried first; true when the request was answered. */
  hostile: ((
    request: { url: string; method: string; range: string | undefined },
    response: ServerResponse,
  ) => boolean)[]
  /** What was pushed, by path. */
  pushed: Map<string, Uint8Array>
  /** What was asked for, in order. */
  requests: { url: string; authorization: string | undefined }[]
  close: () => Promise<void>
}

/** git's id of a file, which the hub names for files outside git-lfs. */
export const gitId = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

/** Files that the hub keeps in git-lfs. */
const isLarge = (path: string): boolean => /\.(safetensors|onnx|onnx_data\w*|bin|parquet)$/.test(path)

/** Serves files, by their paths in the repository, at a commit. */
export async function hubServer(files: Readonly<Record<string, Uint8Array>>, sha: string): Promise<HubServer> {
  const info = (path: string) => {
    const bytes = files[path] as Uint8Array
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return {
      type: 'file',
      path,
      size: bytes.length,
      oid: gitId(bytes),
      ...(isLarge(path) ? { lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } } : {}),
    }
  }
  const server = createServer(async (request, response) => {
    const url = request.url ?? ''
    // A page of another origin asks before it posts.
    for (const what of ['origin', 'headers']) response.setHeader(`access-control-allow-${what}`, '*')
    response.setHeader('access-control-expose-headers', '*')
    if (request.method === 'OPTIONS') return response.end()
    hub.requests.push({ url, authorization: request.headers.authorization })
    const asked = { url, method: request.method ?? '', range: request.headers.range }
    if (hub.hostile.some((answer) => answer(asked, response))) return
    if (hub.mode === 'html') return response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>')
    if (hub.mode === 'refuse') return response.writeHead(401).end('{}')
    if (hub.mode === 'slow') return setTimeout(() => response.end('{}'), 3000)
    const body = async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString()
    }
    const answer = (value: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (url.endsWith('/repos/create')) return answer({ error: 'exists' }, 409)
    if (url.includes('/preupload/')) {
      const { files: list } = JSON.parse(await body()) as { files: { path: string }[] }
      return answer({ files: list.map(({ path }) => ({ path, uploadMode: 'regular', shouldIgnore: false })) })
    }
    if (url.includes('/commit/')) {
      for (const line of (await body()).trim().split('\n')) {
        const { key, value } = JSON.parse(line) as {
          key: string
          value: { path: string; content: string; encoding: 'base64' }
        }
        if (key === 'file') hub.pushed.set(value.path, Buffer.from(value.content, value.encoding))
      }
      return answer({ commitOid: sha, commitUrl: `${hub.endpoint}/commit/${sha}`, hookOutput: '' })
    }
    if (url.includes('/revision/'))
      return response.end(JSON.stringify({ sha, siblings: Object.keys(files).map((rfilename) => ({ rfilename })) }))
    if (url.includes('/paths-info/')) {
      const { paths } = JSON.parse(await body()) as { paths: string[] }
      return answer(paths.filter((path) => files[path]).map(info))
    }
    const name = decodeURIComponent(url.split('?')[0]?.split(`/${sha}/`).pop() ?? '')
    const bytes = files[name]
    if (!bytes) return response.writeHead(404).end()
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
    const end = range?.[2] ? Number(range[2]) : bytes.length - 1
    const part = range ? bytes.subarray(Number(range[1]), end + 1) : bytes
    return response
      .writeHead(range ? 206 : 200, {
        'content-length': part.length,
        etag: `"${info(name).oid}"`,
        'x-repo-commit': sha,
        ...(range ? { 'content-range': `bytes ${range[1]}-${end}/${bytes.length}` } : {}),
      })
      .end(part)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const hub: HubServer = {
    endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    mode: 'up',
    hostile: [],
    pushed: new Map(),
    requests: [],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return hub
}
