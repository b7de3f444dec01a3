// In place of libraries that the page's site leaves out (vite.config.ts): what they export, refused when it is used.

function refuse(): never {
  throw new Error('This page has neither PiSSA nor chat templates')
}

/** Of ml-matrix. */
export class Matrix {
  constructor() {
    refuse()
  }
}
export class EigenvalueDecomposition extends Matrix {}
export class QrDecomposition extends Matrix {}
/** Of @huggingface/jinja. */
export class Template extends Matrix {}
