// Renders templates. The only importer of @huggingface/jinja.

import { Template } from '@huggingface/jinja'

export { Template }

/** Makes a template of its source. */
export type Renderer = typeof Template
