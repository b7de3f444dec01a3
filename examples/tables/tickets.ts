// Messages to a shop, each about several things, or about none; made of parts, so that seeds give other tables.

import { random } from '@cola/data'

const goods = ['lamp', 'kettle', 'chair', 'jacket', 'radio', 'pair of boots', 'rug', 'desk']
const days = ['on Monday', 'last week', 'yesterday', 'two days ago', 'on the third']

type Draw = <Item>(items: readonly Item[]) => Item
type Clause = (draw: Draw) => string

/** What a message may say of each topic. */
const clauses: Readonly<Record<string, readonly Clause[]>> = {
  delivery: [
    (draw) => `the parcel with the ${draw(goods)} has not come`,
    (draw) => `the courier left the ${draw(goods)} in the rain ${draw(days)}`,
    () => 'tracking shows no movement',
    (draw) => `my order was shipped ${draw(days)} and went to the wrong address`,
  ],
  payment: [
    (draw) => `I was charged twice ${draw(days)}`,
    (draw) => `the refund for the ${draw(goods)} is not on my card`,
    () => 'the invoice has the wrong amount',
    () => 'my voucher was not taken off the price',
  ],
  product: [
    (draw) => `the ${draw(goods)} is broken`,
    (draw) => `a part of the ${draw(goods)} is missing`,
    (draw) => `the ${draw(goods)} is not the colour I chose`,
    (draw) => `the ${draw(goods)} stopped working ${draw(days)}`,
  ],
  account: [
    () => 'I cannot log in',
    () => 'the link to reset my password does not work',
    (draw) => `please change the email address that I gave you ${draw(days)}`,
    () => 'your site signs me out all the time',
  ],
}

/** Messages about nothing that anybody must act on. */
const idle: readonly Clause[] = [
  () => 'thank you for everything',
  (draw) => `the ${draw(goods)} is lovely, no complaints`,
  () => 'good service as always',
]

/** `rows` messages of one to three topics, or of none: a tenth. */
export function ticketRows(seed: number, rows = 240): { text: string; label: string[] }[] {
  const stream = random(seed, 'tickets')
  const topics = Object.keys(clauses)
  const said = (list: readonly Clause[]): string => stream.pick(list)(stream.pick)
  return Array.from({ length: rows }, () => {
    if (stream.uniform() < 0.1) return { text: said(idle), label: [] }
    const label = stream.shuffle(topics).slice(0, 1 + Math.floor(3 * stream.uniform()))
    const text = label
      .map((topic) => said(clauses[topic] as readonly Clause[]))
      .join(stream.pick([', and ', '. Also, ', '; ']))
    return { text, label: [...label].sort() }
  })
}
