/** What may be depended on: few packages, each used, none of which runs a script at install that nobody looked at. */
import { z } from 'zod'
import { packageUses } from './imports.ts'
import { type Rule, sources, type Tree } from './tree.ts'

const PRODUCTION_MAX = 25
/** Production dependencies that no file imports, each with its reason. */
const NOT_IMPORTED: Readonly<Record<string, string>> = {
  '@datadog/datadog-api-client':
    'set for the dashboards and detection rules of the delivery work; loaded lazily',
  kafkajs: 'set for the Kafka journal, source and sink'
}
/** Packages that run a script at install, each with what it does. */
const INSTALL_SCRIPTS: Readonly<Record<string, string>> = {
  protobufjs: 'warns about the version scheme of its dependents; downloads nothing'
}

const Package = z.object({ dependencies: z.record(z.string(), z.string()).default({}) })
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      hasInstallScript: z.boolean().optional(),
      dev: z.boolean().optional(),
      optional: z.boolean().optional()
    })
  )
})

const dependencies = (tree: Tree) =>
  Object.keys(Package.parse(JSON.parse(tree.get('package.json') ?? '{}')).dependencies)

export const fewDependencies: Rule = tree => {
  const count = dependencies(tree).length
  return count > PRODUCTION_MAX
    ? [`package.json: ${count} production dependencies, at most ${PRODUCTION_MAX}; do without one`]
    : []
}

export const dependenciesAreUsed: Rule = tree => {
  const used = new Set([...packageUses(tree)].map(({ name }) => name))
  return dependencies(tree)
    .filter(name => !used.has(name) && !(name in NOT_IMPORTED))
    .map(
      name => `package.json: nothing in src imports ${name}; remove it, or give the reason in NOT_IMPORTED`
    )
}

export const usesAreDeclared: Rule = tree => {
  const declared = new Set(dependencies(tree))
  return [...packageUses(tree)]
    .filter(({ name }) => !declared.has(name))
    .map(
      ({ name, path, line }) =>
        `${path}:${line}: ${name} is not a production dependency; add it to package.json`
    )
}

export const installScripts: Rule = tree => {
  const { packages } = Lock.parse(JSON.parse(tree.get('package-lock.json') ?? '{"packages":{}}'))
  return Object.entries(packages)
    .filter(([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    .filter(name => !(name in INSTALL_SCRIPTS))
    .map(
      name =>
        `package-lock.json: ${name} runs a script at install; read it, then name it in INSTALL_SCRIPTS or do without`
    )
}

/** Every file of code can be parsed at all; the other rules rely on it. */
export const thereIsCode: Rule = tree =>
  [...sources(tree)].length === 0 ? ['src: no file found; the rules look at nothing'] : []
