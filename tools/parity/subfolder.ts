import { type Files, placeOf } from '@cola/data'

/** The files below a folder of some files, by their names in it. */
export function subfolder(files: Files, folder: string): Files {
  const inside = `${folder}/`
  return {
    where: placeOf(files, folder),
    names: () =>
      files
        .names()
        .filter((name) => name.startsWith(inside))
        .map((name) => name.slice(inside.length)),
    has: (name) => files.has(inside + name),
    size: (name) => files.size(inside + name),
    read: (name, begin, end) => files.read(inside + name, begin, end),
  }
}
