// Where in their files rows were read, for errors: a row of a table is on another line than its number says.

const places = new WeakMap<object, string>()

/** Remembers the place of a row in its file, such as `a.csv, line 3`. @returns The row. */
export function keepPlace<Row extends object>(row: Row, place: string | undefined): Row {
  if (place !== undefined) places.set(row, place)
  return row
}

/** Names a copy of a row by the place of the row. @returns The copy. */
export const copyPlace = <Row extends object>(row: object, copy: Row): Row => keepPlace(copy, filePlace(row))

/** The place of a row that was read from a file; undefined for others, and for copies. */
export const filePlace = (row: object): string | undefined => places.get(row)
