// Words of the sentence generator, written for this project, with their inflected forms.

export interface Noun {
  singular: string
  plural: string
  gender: 'feminine' | 'masculine' | 'neuter'
}

const noun = (singular: string, gender: Noun['gender'], plural = `${singular}s`): Noun => ({ singular, plural, gender })

export const people: readonly Noun[] = [
  noun('girl', 'feminine'),
  noun('queen', 'feminine'),
  noun('mother', 'feminine'),
  noun('actress', 'feminine', 'actresses'),
  noun('sister', 'feminine'),
  noun('waitress', 'feminine', 'waitresses'),
  noun('boy', 'masculine'),
  noun('king', 'masculine'),
  noun('father', 'masculine'),
  noun('monk', 'masculine'),
  noun('brother', 'masculine'),
  noun('waiter', 'masculine'),
]

export const things: readonly Noun[] = [
  noun('book', 'neuter'),
  noun('letter', 'neuter'),
  noun('apple', 'neuter'),
  noun('chair', 'neuter'),
  noun('picture', 'neuter'),
  noun('key', 'neuter'),
  noun('lamp', 'neuter'),
  noun('basket', 'neuter'),
  noun('coat', 'neuter'),
  noun('bottle', 'neuter'),
  noun('wheel', 'neuter'),
  noun('ladder', 'neuter'),
]

export const names = [
  ['Anna', 'feminine'],
  ['Clara', 'feminine'],
  ['Ruth', 'feminine'],
  ['Peter', 'masculine'],
  ['Oscar', 'masculine'],
  ['Hugo', 'masculine'],
] as const

export interface Verb {
  base: string
  third: string
  past: string
  participle: string
}

const verb = (base: string, past: string, participle = past, third = `${base}s`): Verb => ({
  base,
  third,
  past,
  participle,
})

/** Verbs that need an object. */
export const transitive: readonly Verb[] = [
  verb('find', 'found'),
  verb('carry', 'carried', 'carried', 'carries'),
  verb('paint', 'painted'),
  verb('buy', 'bought'),
  verb('hide', 'hid', 'hidden'),
  verb('mend', 'mended'),
  verb('break', 'broke', 'broken'),
  verb('hold', 'held'),
]

/** Verbs without an object. */
export const intransitive: readonly Verb[] = [
  verb('sleep', 'slept'),
  verb('arrive', 'arrived'),
  verb('laugh', 'laughed'),
  verb('sneeze', 'sneezed'),
  verb('vanish', 'vanished', 'vanished', 'vanishes'),
  verb('smile', 'smiled'),
  verb('fall', 'fell', 'fallen'),
  verb('dance', 'danced'),
]

/** Verbs whose object is a person or a reflexive pronoun. */
export const social: readonly Verb[] = [
  verb('admire', 'admired'),
  verb('blame', 'blamed'),
  verb('help', 'helped'),
  verb('praise', 'praised'),
  verb('draw', 'drew', 'drawn'),
  verb('trust', 'trusted'),
]

/** Verbs whose complement is a clause. */
export const clausal: readonly Verb[] = [
  verb('think', 'thought'),
  verb('say', 'said'),
  verb('believe', 'believed'),
  verb('know', 'knew', 'known'),
]

/** Verbs whose complement is an infinitive with the same subject. */
export const control: readonly Verb[] = [
  verb('want', 'wanted'),
  verb('hope', 'hoped'),
  verb('plan', 'planned'),
  verb('refuse', 'refused'),
]

export const adjectives = ['red', 'old', 'small', 'heavy', 'green', 'broken', 'quiet', 'young'] as const
export const places = ['garden', 'kitchen', 'station', 'market', 'river', 'tower'] as const
export const times = ['yesterday', 'last night', 'on Monday', 'this morning'] as const
