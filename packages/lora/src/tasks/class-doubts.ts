// What may not be meant of classes: loaded where something is to be said of them.

export { doubtfulClasses, similarClasses } from '@cola/data'
