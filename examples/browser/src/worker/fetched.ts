// Files of this site.

/** The bytes of a file. @throws {Error} naming it and the status, where the server has none. */
export async function fetched(name: string, address: string | URL): Promise<Uint8Array> {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`${name} could not be fetched: status ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
