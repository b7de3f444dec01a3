// Requests to a booking desk, with the stretches that name a person, a place or a time; made of parts, so that seeds
// give other tables.

import { random } from '@cola/data'

const people = [
  'Mara Lindqvist',
  'Tom',
  'Dr. Okafor',
  'Ines',
  'Ravi Menon',
  'Mrs. Duarte',
  'Yusuf',
  'Hanna Weiss',
  'Li Na',
  'Bram',
]
const places = [
  'the Blue Heron',
  'room 4',
  'the garden terrace',
  'Hotel Aurora',
  'the lake house',
  'the Old Mill',
  'hall B',
  'Café Linde',
]
const times = [
  'tomorrow',
  'on Friday',
  'at half past seven',
  'next week',
  'on 3 May',
  'tonight',
  'from noon',
  'on Sunday morning',
]

/** A text and its spans, piece by piece: a string, or a name with its label. */
type Piece = string | readonly [label: 'PERSON' | 'PLACE' | 'TIME', text: string]
type Draw = <Item>(items: readonly Item[]) => Item
type Template = (person: Piece, place: Piece, time: Piece, draw: Draw) => readonly Piece[]

const templates: readonly Template[] = [
  (person, place, time) => ['please book ', place, ' for ', person, ' ', time],
  (person, _, time) => [person, ' cannot come ', time, ', sorry'],
  (_, place, time, draw) => ['is ', place, ' free ', time, draw(['?', ' or later?', ' for a party?'])],
  (person, place) => ['I am ', person, ' and I left my coat at ', place],
  (person, place, time) => ['could ', person, ' and two guests have ', place, ' ', time, '?'],
  (_, place) => ['how do I get to ', place, '?'],
  (person, _, time) => ['move the booking of ', person, ', it is ', time],
  () => ['thank you, that is all'],
]

/** `rows` requests, each with its spans of characters. */
export function bookingRows(seed: number, rows = 200) {
  const stream = random(seed, 'bookings')
  return Array.from({ length: rows }, () => {
    const [person, place, time] = [stream.pick(people), stream.pick(places), stream.pick(times)]
    const pieces = stream.pick(templates)(['PERSON', person], ['PLACE', place], ['TIME', time], stream.pick)
    let text = ''
    const spans: { start: number; end: number; label: string }[] = []
    for (const piece of pieces) {
      const [label, part] = typeof piece === 'string' ? [undefined, piece] : piece
      if (label) spans.push({ start: text.length, end: text.length + part.length, label })
      text += part
    }
    return { text, spans }
  })
}
