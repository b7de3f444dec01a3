// Threads need a page that is cross-origin isolated; the host of a built page has to send these headers, too.

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default { server: { headers }, preview: { headers } }
