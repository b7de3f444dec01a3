// Documents outside a browser.

import { DOMParser, parseHTML } from 'linkedom'

/** An empty SVG document, whose elements serialize as XML. */
export const svgDocument = (): Document =>
  new DOMParser().parseFromString('<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml') as unknown as Document

/** A document of the HTML of a body. */
export const htmlDocument = (body: string): Document =>
  parseHTML(`<!doctype html><html><body>${body}</body></html>`).document as unknown as Document
