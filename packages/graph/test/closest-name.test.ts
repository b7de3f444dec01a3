import { describe, expect, it } from 'vitest'
import { closestName } from '../src/options.ts'

describe('the known name that is closest to an unknown one', () => {
  it.each([
    ['learningRate', ['epochs', 'learning_rate'], 'learning_rate'],
    ['num_train_epochs', ['epochs', 'batch_size'], 'epochs'],
    ['lr', ['epochs', 'lr_scheduler_type', 'learning_rate'], 'learning_rate'],
    ['LR', ['r', 'learning_rate'], 'learning_rate'],
    ['e', ['epochs'], undefined],
    ['text body', ['a', 'Text Body'], 'Text Body'],
    ['überschrift', ['Text', 'Überschrift'], 'Überschrift'],
    ['日付', ['数', '本文です'], undefined],
    ['team', ['a', 'b'], undefined],
  ])('of %j among %j: %j', (name, known, closest) => {
    expect(closestName(name, known)).toBe(closest)
  })
})
