// In place of libraries that the page's site leaves out (vite.config.ts): their classes, refused when they are used.

class LeftOut {
  constructor() {
    throw new Error('This page has neither PiSSA nor chat templates')
  }
}

/** Of ml-matrix. */
export { LeftOut as EigenvalueDecomposition, LeftOut as Matrix, LeftOut as QrDecomposition }
/** Of @huggingface/jinja. */
export { LeftOut as Template }
