// The script of a page: runs the program on the CPU (WebAssembly) and shows what it answers.

import { program } from './program.js'

const log = document.querySelector('#log')
try {
  log.textContent = JSON.stringify(await program(new URL('/model/', location.href), 'wasm'))
  document.title = 'done'
} catch (error) {
  log.textContent = error.stack
  document.title = 'failed'
}
