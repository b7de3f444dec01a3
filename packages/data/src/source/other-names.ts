// What does what an option of pandas', or of another function here, does. Loaded for an option that is unknown.

const header =
  "The first line names the columns. A file without one needs it: parseRecords('text,label\\n' + content, 'csv')."

/** What does it in `readTable`, `readRecords`, `parseTable` and `parseRecords`, by the option's name. */
export const ofTables: Readonly<Record<string, string>> = {
  sep: 'It is delimiter.',
  header,
  names: header,
  usecols: 'It is columns, of readRecords and parseRecords.',
  columns: 'The options text and label name the columns; readRecords reads others.',
  text: 'It is columns, the names in the file, which the rows have too; map makes { text, label } of them.',
  label: 'It is columns, the names in the file, which the rows have too; map makes { text, label } of them.',
  words: 'It is for CoNLL files, of readRecords and parseRecords.',
  tags: 'It is for CoNLL files, of readRecords and parseRecords.',
  nrows: 'All rows are read: rows.slice(0, 100) are the first.',
}
