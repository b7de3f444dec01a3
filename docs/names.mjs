// A typedoc plugin: modules have the names that people import (`distill/src/loss` is `@cola/distill/loss`), and guides
// those of their first headings. Front matter would name them too, but the formatter makes a heading of it.

import { Converter, ReflectionKind } from 'typedoc'

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module))
      module.name = `@cola/${module.name.replace(/\/src(\/index)?/, '')}`
    for (const guide of project.getReflectionsByKind(ReflectionKind.Document))
      guide.name = /^# (.+)/.exec(guide.content[0]?.text)?.[1] ?? guide.name
  })
}
