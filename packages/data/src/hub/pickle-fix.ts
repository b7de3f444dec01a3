// Advice for weights that exist only as pickled files: Python code that converts them to safetensors.

import { requireKind } from '@cola/graph/door'

/** Patterns of pickled files, by the safetensors file that replaces them. */
const pickles = {
  'model.safetensors': { files: /^pytorch_model(-\d+-of-\d+)?\.bin$/, glob: 'pytorch_model*.bin' },
  'adapter_model.safetensors': { files: /^adapter_model\.bin$/, glob: 'adapter_model.bin' },
}

/**
 * Python code that converts pickled weights of a folder or a repository; undefined if it has none.
 * @param missing Name of the safetensors file that is missing.
 * @param names Names of the existing files.
 */
export function pickleFix(
  missing: string,
  names: readonly string[],
  { folder, repo }: { folder: string; repo?: never } | { repo: string; folder?: never },
) {
  requireKind('pickleFix, missing', missing, 'text')
  if (!Object.hasOwn(pickles, missing)) return undefined
  const { files, glob } = pickles[missing as keyof typeof pickles]
  const pickled = names.filter((name) => files.test(name))
  if (pickled.length === 0) return undefined
  const quoted = JSON.stringify(repo ?? folder)
  const place =
    repo === undefined
      ? `folder = ${quoted}`
      : `from huggingface_hub import snapshot_download\nfolder = snapshot_download(${quoted})`
  return `Only ${pickled.join(', ')} is there, which Python pickled. Convert it once, in Python, and open it again:
import glob, torch
from safetensors.torch import save_file
${place}
tensors = {}
for path in glob.glob(f'{folder}/${glob}'):
    tensors.update(torch.load(path, map_location='cpu', weights_only=True))
tensors = {name: value.clone().contiguous() for name, value in tensors.items()}
save_file(tensors, f'{folder}/${missing}', metadata={'format': 'pt'})`
}
