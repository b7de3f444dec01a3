// Numbers as people read them.

const whole = new Intl.NumberFormat('en')

export const count = (value: number): string => whole.format(value)

export const percent = (share: number): string => `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 0 : 1)}%`

/** A number of parameters: 831,104 or 22.7 million. */
export const parametersText = (value: number): string =>
  value < 1e6 ? count(value) : `${(value / 1e6).toFixed(1)} million`

/** Bytes in decimal units, as file managers show them. */
export function bytesText(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  const scaled = value / 1000 ** power
  return `${scaled < 10 && power > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${units[power]}`
}

export function durationText(seconds: number): string {
  if (seconds < 1) return 'under a second'
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`
