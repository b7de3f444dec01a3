import { divideWords, type PunctuationWords } from '@cola/data'
import { describe, expect, it } from 'vitest'

describe('words of a text', () => {
  const wordsOf = (text: string, which?: PunctuationWords) =>
    divideWords(text, which).map(({ start, end }) => text.slice(start, end))
  it.each([
    ['Angela Merkel met Obama.', 'Angela Merkel met Obama .'],
    ["Obama's “Audacity” didn't sell...", "Obama 's “ Audacity ” didn 't sell ..."],
    ['AT&T-owned\tCNN\n\n(USA)', 'AT & T - owned CNN ( USA )'],
    ['U.N. $5, €3.50; C++', 'U . N . $ 5 , € 3 . 50 ; C ++'],
    ['Zürich cafe\u0301 O’Neil’s', 'Zürich cafe\u0301 O ’ Neil ’s'],
    ['東京へ行く。', '東 京 へ 行 く 。'],
    ['서울에서 만난 अमिताभ', '서울에서 만난 अमिताभ'],
    ['Москва,Киев', 'Москва , Киев'],
    ['hi👩‍👩‍👧🇩🇪!👍🏽', 'hi 👩‍👩‍👧🇩🇪 ! 👍🏽'],
    ['a\u200bb\u0007c \u00a0 d', 'a b c d'],
    [' \n ', ''],
    ['', ''],
  ])('%j', (text, words) => {
    expect(wordsOf(text).join(' ')).toBe(words)
  })
  it('keeps punctuation inside of a word with the option edges', () => {
    expect(wordsOf("The U.N. (1996-08-22) said: O'Brien's AT&T, 3.5%...", 'edges').join(' ')).toBe(
      "The U.N . ( 1996-08-22 ) said : O'Brien 's AT&T , 3.5 % ...",
    )
  })
})
