// Variables of the process's environment that a device's libraries read when they are loaded.

/** Sets those that are not set. Native code sees them on the main thread, and in workers that share its environment. */
export function setVariables(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) process.env[name] ??= value
}
