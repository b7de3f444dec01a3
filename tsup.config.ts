import { defineConfig } from 'tsup'

// JavaScript for Node: tools/build-browser.ts builds for browsers, and `tsc -b` writes the declarations.
export default defineConfig({
  entry: ['src/index.ts'],
  outDir: 'dist/node',
  format: ['esm'],
  target: 'es2023',
  platform: 'neutral',
  sourcemap: true,
  clean: true,
  treeshake: true,
  external: [/^@cola\//, /^#/, /^node:/],
  // Bundlers know Node's modules by the prefix.
  removeNodeProtocol: false,
})
