// A typedoc plugin: modules have the names that people import: `distill/src/loss` is `@cola/distill/loss`.

import { Converter, ReflectionKind } from 'typedoc'

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module))
      module.name = `@cola/${module.name.replace(/\/src(\/index)?/, '')}`
  })
}
