// The browser engines beside Chromium's, as Debian has them: Gecko in firefox-esr; WebKit in the small browser of
// libwebkit2gtk-4.1-0, which needs a display, xvfb's.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What starts a browser with one page. */
interface Command {
  executable: string
  arguments: readonly string[]
}

interface EngineRow {
  /** Path of the browser; undefined where it is not installed. */
  executable: string | undefined
  /** Debian's packages. */
  packages: string
  /** Whether pages can store files (OPFS). */
  stores: boolean
  /** Whether the threads of an isolated page share memory. */
  sharesMemory: boolean
  /** @param home The home of the browser's user. */
  start(executable: string, home: string, url: string): Command
}

export const engines = {
  firefox: {
    executable: found('/usr/bin/firefox-esr'),
    packages: 'firefox-esr',
    stores: true,
    sharesMemory: true,
    start(executable, home, url) {
      const settings = Object.entries(firefoxSettings).map((pair) => pair.map((part) => JSON.stringify(part)))
      writeFileSync(join(home, 'user.js'), settings.map((pair) => `user_pref(${pair});\n`).join(''))
      return { executable, arguments: ['--headless', '--no-remote', '--profile', home, url] }
    },
  },
  webkit: {
    executable: found('/usr/bin/xvfb-run') && miniBrowser(),
    packages: 'libwebkit2gtk-4.1-0 xvfb xauth',
    // Safari has both. WebKitGTK leaves storage off, and with it on can write nothing.
    stores: false,
    sharesMemory: false,
    start(executable, _, url) {
      return { executable: '/usr/bin/xvfb-run', arguments: ['--auto-servernum', executable, url] }
    },
  },
} satisfies Record<string, EngineRow>

export type Engine = keyof typeof engines

export const engineNames = Object.keys(engines) as Engine[]

/**
 * Starts a browser with a page.
 * @param downloads Where it puts what is downloaded.
 * @returns What ends it.
 */
export async function openEngine(name: Engine, url: string, downloads = tmpdir()): Promise<() => Promise<void>> {
  const row: EngineRow = engines[name]
  if (!row.executable) throw new Error(`${name} is not installed: apt-get install ${row.packages}`)
  const home = mkdtempSync(join(tmpdir(), `cola-${name}-`))
  mkdirSync(join(home, '.config'))
  writeFileSync(join(home, '.config/user-dirs.dirs'), `XDG_DOWNLOAD_DIR="${downloads}"\n`)
  const command = row.start(row.executable, home, url)
  const { XDG_CONFIG_HOME: _, XDG_DATA_HOME: __, XDG_CACHE_HOME: ___, ...env } = process.env
  // A group of its own, so that it ends with the processes that it starts.
  const browser = spawn(command.executable, command.arguments, {
    stdio: 'ignore',
    detached: true,
    env: { ...env, HOME: home },
  })
  const kill = () => void end(browser)
  process.once('exit', kill)
  return async () => {
    process.off('exit', kill)
    await end(browser)
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

async function end(browser: ChildProcess): Promise<void> {
  if (browser.exitCode !== null || browser.signalCode !== null) return
  const exit = once(browser, 'exit')
  process.kill(-(browser.pid as number), 'SIGTERM')
  await exit
}

/** Without questions, and without calls to the network. */
const firefoxSettings = {
  'browser.aboutwelcome.enabled': false,
  'browser.download.always_ask_before_handling_new_types': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.policy.dataSubmissionPolicyBypassNotification': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.server': '',
  'trailhead.firstrun.didSeeAboutWelcome': true,
}

function found(path: string): string | undefined {
  return existsSync(path) ? path : undefined
}

function miniBrowser(): string | undefined {
  if (process.platform !== 'linux') return undefined
  return readdirSync('/usr/lib')
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((place) => `/usr/lib/${place}/webkit2gtk-4.1/MiniBrowser`)
    .find(existsSync)
}
