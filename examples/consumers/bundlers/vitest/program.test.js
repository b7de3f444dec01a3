import { expect, test } from 'vitest'
import { program } from '../program.js'

test('fine-tunes', async () => {
  expect(document.body).toBeDefined()
  console.log(JSON.stringify(await program(process.env.MODEL, 'cpu')))
}, 60_000)
