// Questions about the goods of a shop, and the page that answers each. Pages call the goods by names that only the shop
// knows; customers call them by what they are.

/** Name in the handbooks, and what it is. */
const goods = [
  ['Brisk', 'kettle'],
  ['Lumen', 'lamp'],
  ['Nordic 4', 'chair'],
  ['Cirro', 'fan'],
  ['Tally', 'kitchen scale'],
  ['Vela', 'tent'],
  ['Otis', 'vacuum cleaner'],
  ['Maro', 'coffee mill'],
] as const

/** A chapter of each handbook, and what people ask who need it. */
const chapters: Readonly<Record<string, readonly ((thing: string) => string)[]>> = {
  'care and cleaning': [
    (thing) => `how do I clean my ${thing}`,
    (thing) => `what can I wash the ${thing} with`,
    (thing) => `there is a stain on the ${thing}`,
    (thing) => `the ${thing} smells odd, may I use soap`,
    (thing) => `my ${thing} is dirty`,
    (thing) => `how often should one wipe the ${thing}`,
  ],
  'faults and repairs': [
    (thing) => `my ${thing} is broken`,
    (thing) => `the ${thing} does not work any more`,
    (thing) => `who mends a ${thing}`,
    (thing) => `something snapped when I used the ${thing}`,
    (thing) => `the ${thing} stopped yesterday, what now`,
    (thing) => `can my ${thing} be fixed`,
  ],
  'parts to order': [
    (thing) => `where do I get a spare part for the ${thing}`,
    (thing) => `I lost a piece of my ${thing}`,
    (thing) => `is there a bag that fits the ${thing}`,
    (thing) => `I need a new screw for the ${thing}`,
    (thing) => `which accessories does the ${thing} have`,
    (thing) => `buy a replacement piece for my ${thing}`,
  ],
}

/** Questions in some of their wordings (0 to 5), each with its page. */
export const handbookPairs = (from: number, to: number): { anchor: string; positive: string }[] =>
  goods.flatMap(([name, thing]) =>
    Object.entries(chapters).flatMap(([chapter, wordings]) =>
      wordings.slice(from, to).map((wording) => ({ anchor: wording(thing), positive: `${name} handbook: ${chapter}` })),
    ),
  )
