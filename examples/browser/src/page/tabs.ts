// Tabs after the ARIA pattern: arrow keys move, the chosen panel is shown.

import { byId } from './dom.ts'

/** Makes tabs of a tablist's buttons. @param onChoose Told the id of the tab that was chosen. */
export function makeTabs(list: HTMLElement, onChoose: (id: string) => void): { choose: (id: string) => void } {
  const tabs = [...list.querySelectorAll<HTMLButtonElement>('[role=tab]')]
  const select = (chosen: HTMLButtonElement) => {
    for (const tab of tabs) {
      tab.setAttribute('aria-selected', String(tab === chosen))
      tab.tabIndex = tab === chosen ? 0 : -1
      byId(tab.getAttribute('aria-controls') ?? '').hidden = tab !== chosen
    }
  }
  const choose = (chosen: HTMLButtonElement) => {
    select(chosen)
    onChoose(chosen.id)
  }
  const moves: Readonly<Record<string, (at: number) => number>> = {
    ArrowRight: (at) => at + 1,
    ArrowLeft: (at) => at - 1,
    Home: () => 0,
    End: () => -1,
  }
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener('click', () => choose(tab))
    tab.addEventListener('keydown', ({ key }) => {
      const move = moves[key]
      if (!move) return
      const next = tabs.at(move(at) % tabs.length) as HTMLButtonElement
      next.focus()
      choose(next)
    })
  }
  return {
    choose: (id) => {
      const tab = tabs.find((one) => one.id === id)
      if (tab) select(tab)
    },
  }
}
