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
    ['lable', ['text', 'label'], 'label'],
    ['lables', ['text', 'labels', 'label'], 'labels'],
    ['int4', ['int8', 'float32'], undefined],
    ['INT8', ['int8', 'int4'], 'int8'],
    ['itn8', ['int8', 'int4'], 'int8'],
    ['bfloat16', ['float16', 'float32'], undefined],
    ['float15', ['float16', 'float32'], undefined],
    ['flaot16', ['float16', 'float32'], 'float16'],
    ['text1', ['text'], undefined],
    ['uint8', ['int8'], undefined],
    ['beta_1', ['beta1', 'beta2'], 'beta1'],
  ])('of %j among %j: %j', (name, known, closest) => {
    expect(closestName(name, known)).toBe(closest)
  })
})
