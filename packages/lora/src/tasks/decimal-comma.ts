// Numbers with a decimal comma, which Number does not read.

/** What to do about one in a field of a row. */
export const commaFix = (value: string, field: string): string | undefined =>
  /^\s*[+-]?\d*,\d+\s*$/.test(value)
    ? `Number reads no decimal comma: Number(row.${field}.replace(',', '.')).`
    : undefined
