// SVG to pixels, in the open font that comes with the examples: the same picture on every machine, also on one without
// fonts.

import { createRequire } from 'node:module'
import { type RenderedImage, Resvg } from '@resvg/resvg-js'

const { resolve } = createRequire(import.meta.url)
const fontFiles = ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map((file) =>
  resolve(`@expo-google-fonts/inter/${file}`),
)

/** The first family is the one that is shipped; where an SVG is viewed without it, the others follow. */
export const fontFamily = 'Inter, system-ui, sans-serif'

/** Characters that Inter lacks (Han, Arabic, emoji, ...) are looked for in the fonts of the machine. */
const foreign = /[^\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Common}\p{sc=Inherited}]|\p{Extended_Pictographic}/u

const open = (svg: string, zoom: number): Resvg =>
  new Resvg(svg, { fitTo: { mode: 'zoom', value: zoom }, font: { fontFiles, loadSystemFonts: foreign.test(svg) } })

/** The pixels of an SVG, `zoom` for each of its own. */
export const rasterize = (svg: string, zoom = 1): RenderedImage => open(svg, zoom).render()

/** Width of all that an SVG draws, before its view box cuts it; 0 where it draws nothing. */
export const inkWidth = (svg: string): number => open(svg, 1).getBBox()?.width ?? 0
