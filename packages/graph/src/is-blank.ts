// Whether a text shows anything.

/** Whether a text has nothing but spaces and what has no width: U+200B and soft hyphens, which `trim` leaves. */
export const isBlank = (text: string): boolean => !/[^\p{White_Space}\p{DI}]/u.test(text)
