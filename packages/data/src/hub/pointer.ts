// Files that stand for others: git-lfs pointers, and weights that only Python unpickles.

import type { DataProblem } from '../errors.ts'

/** Longest file that is looked at for being a pointer, in bytes; the format allows 1024. */
export const longestPointer = 1024

/**
 * What is wrong with a file that is a git-lfs pointer (git-lfs, docs/spec.md), undefined for any other file.
 * @param bytes The file, or its first {@link longestPointer} bytes.
 */
export function lfsPointer(bytes: Uint8Array, where: string): DataProblem | undefined {
  const text = new TextDecoder().decode(bytes.subarray(0, longestPointer))
  if (!text.startsWith('version https://git-lfs.github.com/spec/')) return undefined
  const size = /^size (\d+)$/m.exec(text)?.[1]
  return {
    where,
    what: 'a git-lfs pointer in place of the file',
    ...(size ? { expected: `${size} bytes` } : {}),
    found: `${bytes.length} bytes of text that name it`,
    fix: 'Fetch the file: "git lfs install" and "git lfs pull" in its folder, or "hf download" the repository.',
  }
}

/** Pickled files by the safetensors file that they become. */
const pickles = {
  'model.safetensors': { files: /^pytorch_model(-\d+-of-\d+)?\.bin$/, glob: 'pytorch_model*.bin' },
  'adapter_model.safetensors': { files: /^adapter_model\.bin$/, glob: 'adapter_model.bin' },
}

/**
 * How to convert weights that Python pickled, where a folder or a repository has them in place of safetensors;
 * undefined where it has none.
 * @param wanted The file that is missing.
 * @param names The files that there are.
 */
export function pickleFix(
  wanted: string,
  names: readonly string[],
  { folder, repo }: { folder: string; repo?: never } | { repo: string; folder?: never },
) {
  if (!Object.hasOwn(pickles, wanted)) return undefined
  const { files, glob } = pickles[wanted as keyof typeof pickles]
  const found = names.filter((name) => files.test(name))
  if (found.length === 0) return undefined
  const quoted = JSON.stringify(repo ?? folder)
  const place =
    repo === undefined
      ? `folder = ${quoted}`
      : `from huggingface_hub import snapshot_download\nfolder = snapshot_download(${quoted})`
  return `Only ${found.join(', ')} is there, which Python pickled. Convert it once, in Python, and open it again:
import glob, torch
from safetensors.torch import save_file
${place}
tensors = {}
for path in glob.glob(f'{folder}/${glob}'):
    tensors.update(torch.load(path, map_location='cpu', weights_only=True))
tensors = {name: value.clone().contiguous() for name, value in tensors.items()}
save_file(tensors, f'{folder}/${wanted}', metadata={'format': 'pt'})`
}
