// Renders templates. The only importer of @huggingface/jinja.

import { Template as Parsed } from '@huggingface/jinja'

/**
 * Makes a template of its source. Stated here and not taken from the library, whose declarations cannot be read under
 * `module: nodenext`: those of this package must not refer to them.
 */
export type Renderer = new (source: string) => { render(variables: Record<string, unknown>): string }

export const Template: Renderer = Parsed
