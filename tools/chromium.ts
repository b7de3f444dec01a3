// Debian's Chromium, as the tests start it.

import { existsSync } from 'node:fs'

export const executablePath = '/usr/bin/chromium'
export const hasChromium = existsSync(executablePath)

/** Without a window and without calls to the network. */
export const headless = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** WebGPU on the software device that Chromium brings. */
export const softwareGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan']

/** Headers by which a page is cross-origin isolated, which threads need. */
export const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** Types of the files that pages load. */
export const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}
