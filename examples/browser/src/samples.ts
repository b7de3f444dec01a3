// The sample tables, by what they are called. The worker has their rows.

interface Sample<Name> {
  /** What an adapter that learns it is called. */
  name: Name
  title: string
  about: string
}

export type SampleName = 'where-or-when' | 'one-or-several' | 'grammar' | 'shop'

export const samples: readonly Sample<SampleName>[] = [
  {
    name: 'where-or-when',
    title: 'Where, when, or a question',
    about: '120 sentences of three kinds. Learned in seconds.',
  },
  {
    name: 'one-or-several',
    title: 'One, or several',
    about: '120 sentences about one person or several.',
  },
  {
    name: 'grammar',
    title: 'Right or wrong',
    about: '800 sentences, half with an error in grammar. Takes a minute or two.',
  },
  {
    name: 'shop',
    title: 'Requests to a shop',
    about: '180 messages: track, refund or hours. Best with MiniLM.',
  },
]
