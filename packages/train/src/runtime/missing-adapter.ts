// Whether a browser's WebGPU has an adapter: on servers, behind blocked drivers or without hardware acceleration it may
// have none. Asked before WebGPU's build of the runtime is fetched.

interface Gpu {
  requestAdapter(): Promise<object | null>
}

/** Why `auto` leaves WebGPU alone, where the browser has it without an adapter; nothing where it lacks WebGPU. */
export async function missingAdapter(): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: Gpu }
  if (!gpu || (await gpu.requestAdapter().catch(() => null))) return undefined
  return (
    'Device "webgpu" is left alone: the browser has WebGPU, but no adapter for it. Is there a GPU, and is hardware ' +
    'acceleration on?'
  )
}
