// Elements in a line each.

type Child = Node | string | number | undefined | false
type Props<E> = Partial<Omit<E, 'style' | 'dataset' | 'attributes'>> & {
  class?: string
  /** Attributes, such as `aria-label`. */
  attributes?: Readonly<Record<string, string>>
  on?: Readonly<Record<string, (event: Event) => void>>
}

/** Creates an element with properties, attributes, listeners and children. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  { class: className, attributes = {}, on = {}, ...properties }: Props<HTMLElementTagNameMap[Name]> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), properties)
  if (className) element.className = className
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  for (const [type, listener] of Object.entries(on)) element.addEventListener(type, listener)
  element.append(...present(children))
  return element
}

/** Creates an SVG element. */
export function svg(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: (Node | string)[]
): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  element.append(...children)
  return element
}

/** Replaces the children of an element. */
export const fill = (element: Element, ...children: readonly Child[]): void =>
  element.replaceChildren(...present(children))

const present = (children: readonly Child[]): (Node | string)[] =>
  children.flatMap((child) =>
    child === undefined || child === false ? [] : [child instanceof Node ? child : String(child)],
  )

/** The element of index.html with an id. @throws {Error} where there is none of that kind. */
export function byId<E extends Element = HTMLElement>(id: string, kind?: abstract new () => E): E {
  const element = document.getElementById(id)
  if (!element || (kind && !(element instanceof kind))) throw new Error(`index.html has no ${kind?.name ?? ''} #${id}`)
  return element as Element as E
}

/** Shows or hides elements. */
export function show(visible: boolean, ...elements: readonly HTMLElement[]): void {
  for (const element of elements) element.hidden = !visible
}
