// The window of jsdom has typed arrays of its own; the runtime's are Node's.

import { deserialize, serialize } from 'node:v8'

for (const type of [BigInt64Array, Float32Array, Int32Array, Uint8Array])
  globalThis[type.name] = deserialize(serialize(new type(1))).constructor
