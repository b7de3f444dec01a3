// node tools/complete-lock.mjs: adds to package-lock.json the optional packages of other platforms that a partial
// registry mirror left out, without which `npm ci` refuses the lock. Their versions are exact in their parents, so
// nothing is chosen here. Run it after `npm install` behind such a mirror.

import { readFileSync, writeFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm64', 'arm', 'x64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32']

/** os and cpu of a platform package, from its name. */
function platform(name) {
  const parts = name.split(/[/-]/)
  const os = systems.find((system) => parts.some((part) => part.startsWith(system)))
  const cpu = processors.find((processor) =>
    parts.some((part) => part.startsWith(processor) || part.endsWith(`_${processor}`)),
  )
  return { ...(cpu ? { cpu: [cpu] } : {}), ...(os ? { os: [os] } : {}) }
}

let added = 0
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const places = path
      .split('/node_modules/')
      .map((_, i, all) => [...all.slice(0, all.length - i), name].join('/node_modules/'))
    const found = [...places, `node_modules/${name}`].some((place) => lock.packages[place])
    if (found || !/^\d/.test(range)) continue
    lock.packages[`node_modules/${name}`] = {
      version: range,
      ...platform(name),
      ...(dev ? { dev: true } : {}),
      optional: true,
    }
    added++
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log(`added ${added} packages`)
