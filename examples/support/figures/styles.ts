// What tells series apart: colour, marker and dashes, so that print without colour does too.

export interface Style {
  className: string
  color: string
  symbol: 'circle' | 'square' | 'triangle' | 'diamond' | 'cross' | 'star' | 'wye'
  dashes: string
}

/** Okabe and Ito (2008), told apart with any colour vision: those that stand out on white, and those on black. */
const colors = [
  { light: '#0072B2', dark: '#56B4E9' },
  { light: '#D55E00', dark: '#E69F00' },
  { light: '#009E73', dark: '#2BC49A' },
  { light: '#A6508A', dark: '#CC79A7' },
  { light: '#000000', dark: '#F0E442' },
] as const
const symbols = ['circle', 'square', 'triangle', 'diamond', 'cross', 'star', 'wye'] as const
const dashes = ['none', '6 3', '2 3', '8 3 2 3', '12 4'] as const

const pick = <Item>(items: readonly Item[], i: number): Item => items[i % items.length] as Item

/** The style of a figure's i-th series. Colours and markers repeat after five and seven: 35 series differ. */
export const styleOf = (i: number): Style => ({
  className: `series-${i % colors.length}`,
  color: pick(colors, i).light,
  symbol: pick(symbols, i),
  dashes: pick(dashes, i),
})

/** CSS that turns a figure inside of a page over to a dark background. */
export const darkStyle = ['.paper{fill:none}', ...colors.map(({ dark }, i) => `.series-${i}{color:${dark}}`)].join('')
