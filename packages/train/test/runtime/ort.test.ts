import { describe, expect, it } from 'vitest'
import { refuseRuntime } from '../../src/runtime/ort.ts'

/** What Node 20, webpack 5, Turbopack, Vite, Chromium, Firefox and Safari say of a module that is not there. */
const messages = [
  ["Cannot find package 'onnxruntime-node' imported from /app/node_modules/@cola/train/dist/node/index.js", 'node'],
  ["Cannot find module 'onnxruntime-web/webgpu'", 'web'],
  ['Could not resolve "onnxruntime-web/webgpu" imported by "@cola/train". Is it installed?', 'web'],
  ["Failed to resolve module specifier 'onnxruntime-web/webgpu'", 'web'],
  ['The specifier “onnxruntime-web/webgpu” was a bare specifier, but was not remapped to anything.', 'web'],
  ["Module name, 'onnxruntime-web/webgpu' does not resolve to a valid URL.", 'web'],
] as const

describe('a runtime that was not loaded', () => {
  it.each(messages)('%s', (message, kind) => {
    const install = kind === 'node' ? 'npm install --ignore-scripts onnxruntime-node' : 'npm install onnxruntime-web'
    expect(() => refuseRuntime(new Error(message))).toThrow(
      `onnxruntime-${kind}: the runtime is not installed. Install it beside this package: ${install}`,
    )
  })

  it('is there, and its binary is not', () => {
    const message = '/app/node_modules/onnxruntime-node/bin/onnxruntime_binding.node: invalid ELF header'
    expect(() => refuseRuntime(new Error(message))).toThrow(/^onnxruntime-node: the runtime could not be loaded, .*ELF/)
  })
})
