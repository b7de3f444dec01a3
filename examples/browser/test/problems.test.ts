// The page's words for errors, as browsers and the runtime say them.

import { expect, it } from 'vitest'
import { describeProblem } from '../src/page/problems.ts'
import { WorkerError } from '../src/page/worker.ts'

it.each([
  ['RangeError', 'Array buffer allocation failed', 'does not fit into the memory'],
  ['RangeError', 'WebAssembly.Memory(): could not allocate memory: out of memory', 'does not fit into the memory'],
  ['Error', 'failed to call OrtRun(). ERROR_CODE: 1, ERROR_MESSAGE: std::bad_alloc', 'does not fit into the memory'],
  [
    'ModelError',
    'model "training_model": on device "wasm", found Failed to allocate memory',
    'does not fit into the memory',
  ],
  ['DeviceError', 'device "webgpu": no session, found the device is out of memory', 'does not fit into the memory'],
  [
    'DataError',
    'a/model.onnx: the file is larger than this browser reads, found 3.0 GB',
    'does not fit into the memory',
  ],
  ['RuntimeError', 'Aborted(OOM). Build with -sASSERTIONS for more info.', 'does not fit into the memory'],
  ['DeviceError', "http://host/ort.wasm: the runtime's wasm is not at this address", 'else than WebAssembly'],
  ['CompileError', 'WebAssembly.instantiate(): expected magic word 00 61 73 6d, found 3c 21', 'else than WebAssembly'],
  ['WorkerFailed', 'the worker could not be loaded', 'did not start'],
  ['DeviceError', 'device "webgpu": it is not available', 'no graphics device'],
  ['StorageFailed', 'QuotaExceededError: The quota has been exceeded', 'no room'],
  ['HubError', 'https://huggingface.co/a/b: the hub could not be reached', 'could not be fetched'],
  ['TypeError', 'Failed to fetch', 'could not be fetched'],
])('%s: %s', (name, message, words) => {
  const { title, todo, detail } = describeProblem(new WorkerError({ name, message }))
  expect(title).toContain(words)
  expect(todo).not.toBe('')
  expect(detail).toBe(message)
})

it('takes the words of an error that says where, what and what to do', () => {
  const problem = {
    where: 'a.csv, line 3',
    what: 'an empty text',
    expected: 'a text',
    found: '""',
    fix: 'Leave it out.',
  }
  expect(describeProblem(new WorkerError({ name: 'DataError', message: 'all of it', problem }))).toEqual({
    title: 'An empty text: ""',
    todo: 'Expected: a text. Leave it out.',
    detail: 'a.csv, line 3',
  })
})

it('says of other errors that nothing is lost', () => {
  expect(describeProblem(new Error('odd')).todo).toContain('still here')
})
