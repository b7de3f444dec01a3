// Vite's server lists folders for the tests in a browser, which have Node's functions of them from fs.ts.

import { existsSync, readdirSync, statSync } from 'node:fs'
import type { Plugin } from 'vitest/config'
import { listing } from './fs.ts'

/** Answers `/@folder/PATH` with the names in it, `?recursive` with those below it too; for a file there are none. */
export const listFolders: Plugin = {
  name: 'list-folders',
  configureServer(server) {
    server.middlewares.use(listing, (request, response) => {
      const { pathname, search } = new URL(request.url ?? '', 'file:///')
      const path = decodeURIComponent(pathname)
      if (!existsSync(path)) return void response.writeHead(404).end()
      const names = statSync(path).isDirectory()
        ? readdirSync(path, { recursive: search === '?recursive', encoding: 'utf8' }).sort()
        : []
      response.end(JSON.stringify(names))
    })
  },
}
