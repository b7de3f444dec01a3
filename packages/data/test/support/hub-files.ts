export const sha = 'b'.repeat(40)
export const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4'.repeat(64)}\nsize 90387630\n`
export const text = (content: string) => new TextEncoder().encode(content)
