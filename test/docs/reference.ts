/** The text of docs/reference.md, from the code that it describes. Nothing in it is written by hand but the headings. */
import type { Command } from 'commander'
import { openapiDocument } from '../../src/api/openapi.ts'
import type { Operation } from '../../src/api/openapi-parts.ts'
import type { Catalog } from '../../src/catalog.ts'
import { CORE_OPTIONS, SINK_OPTIONS } from '../../src/config/schema.ts'
import { ERROR_CODES } from '../../src/core/errors.ts'
import { CLASS_UIDS, KeywatchFields, OCSF_VERSION } from '../../src/core/event.ts'
import type { DetectorInfo } from '../../src/core/finding.ts'
import { METRICS } from '../../src/core/metric-names.ts'
import { code, table } from './markdown.ts'
import { type OptionRow, optionRows } from './options.ts'
import { classesOf, contextsTable, detectorsTable, sinksTable, sourcesTable } from './parts.ts'

export interface Described {
  readonly catalog: Catalog
  readonly commands: readonly Command[]
  readonly detectors: readonly DetectorInfo[]
}

const optionsTable = (rows: Iterable<OptionRow>): string =>
  table(
    ['option', 'type', 'default', 'meaning'],
    [...rows].map(({ path, type, preset, required, description }) => [
      code(path),
      type,
      preset === undefined ? (required ? '(required)' : '') : code(preset),
      description
    ])
  )

interface Component {
  readonly name: string
  readonly summary: string
  readonly options: unknown
}

const byName = (known: ReadonlyMap<string, Component>) =>
  [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1))

function configuration({ catalog }: Described): string {
  const core = Object.entries(CORE_OPTIONS).flatMap(([name, schema]) => [...optionRows(schema, name)])
  const shared = Object.entries(SINK_OPTIONS).flatMap(([name, schema]) => [...optionRows(schema, name)])
  const own = (component: Component, hidden: ReadonlySet<string>) =>
    [...optionRows(component.options)].filter(row => !hidden.has(row.path))
  const sharedPaths = new Set(shared.map(row => row.path))
  const section = (title: string, component: Component, hidden = new Set<string>()) =>
    `#### ${title}\n\n${component.summary}\n\n${optionsTable(own(component, hidden))}`
  return [
    '## Configuration',
    'One YAML file, strict: an unknown option is an error. It is looked for in this order: `--config FILE`, the variable',
    '`KEYWATCH_CONFIG`, `./keywatch.yml`; without any, the embedded default runs (sources `doppler`, `access-log` and',
    `\`otlp\` on loopback, no sink). \`\${NAME}\` in a text is taken from the environment, \`\${file:/path}\` from a file.`,
    'Durations: `500ms`, `5s`, `15m`, `2h`, `90d`. Sizes: `64KiB`, `5MB`.',
    '\n### Options of the file\n',
    optionsTable(core),
    '\n### Sources\n',
    'Under `sources`, one map per source: its id, then `type` and the options of the type.\n',
    byName(catalog.sources)
      .map(one => section(`Source ${code(one.name)}`, one))
      .join('\n\n'),
    '\n### Sinks\n',
    'Under `sinks`, one map per sink. Every sink has these options:\n',
    optionsTable(shared),
    `\n${byName(catalog.sinks)
      .map(one => section(`Sink ${code(one.name)}`, one, sharedPaths))
      .join('\n\n')}`,
    '\n### Contexts\n',
    'At the top of the file, under the name of the context.\n',
    byName(catalog.contexts)
      .map(one => section(`Context ${code(one.name)}`, one))
      .join('\n\n')
  ].join('\n')
}

function httpApi(): string {
  const rows: string[][] = []
  const parameters = new Map<string, string>()
  for (const [path, methods] of Object.entries(openapiDocument.paths)) {
    for (const [method, operation] of Object.entries(methods) as [string, Operation][]) {
      const scopes = operation.security.flatMap(({ bearer }) => [...bearer])
      const names = (operation.parameters ?? []).filter(one => one.in === 'query').map(one => code(one.name))
      for (const one of operation.parameters ?? []) parameters.set(one.name, one.description)
      rows.push([
        `${method.toUpperCase()} ${code(path)}`,
        scopes.length === 0 ? 'open' : scopes.join(', '),
        [operation.summary, operation.description].filter(text => text !== undefined).join('. '),
        names.join(' '),
        Object.keys(operation.responses).join(' ')
      ])
    }
  }
  return [
    '## HTTP API',
    'The whole description, with shapes and examples, is at `/openapi.json` of a running Keywatch. A scope in the table is',
    'needed where `tokens` are configured (`Authorization: Bearer …`); `admin` includes all others. Without tokens a loopback',
    'listener is open to requests that name it by a loopback name. Lists answer `{"items": […], "next": cursor | null}`, errors',
    '`{"error": {"code", "message"}}`, intake `{"accepted", "quarantined", "duplicates"}` unless the protocol has its own answer.\n',
    table(['path', 'scope', 'what', 'query', 'answers'], rows),
    '\n### Parameters\n',
    table(
      ['name', 'meaning'],
      [...parameters].sort().map(([name, description]) => [code(name), description])
    )
  ].join('\n')
}

function commandRows(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`
  const args = command.registeredArguments.map(one =>
    one.required ? ` <${one.name()}>` : ` [${one.name()}]`
  )
  const nested = command.commands.flatMap(one => commandRows(one, name))
  if (nested.length > 0) return [`### ${code(name)}\n\n${command.description()}`, ...nested]
  const options = command.options.map(one => [
    code(one.flags),
    `${one.description}${one.defaultValue === undefined ? '' : ` (default: ${String(one.defaultValue)})`}`
  ])
  return [
    `### ${code(name + args.join(''))}\n\n${command.description()}\n\n${table(['option', 'meaning'], options)}`
  ]
}

const commands = ({ commands: all }: Described): string =>
  [
    '## Commands',
    '`npm start` runs `keywatch start`; from the repository `npm run -s keywatch -- COMMAND` runs any. Exit codes: 0 right,',
    '1 wrong (or nothing found), 2 unusable. `KEYWATCH_TOKEN` is the token with which a command calls the API.\n',
    [...all]
      .sort((a, b) => (a.name() < b.name() ? -1 : 1))
      .flatMap(command => commandRows(command, 'keywatch'))
      .join('\n\n')
  ].join('\n')

const metrics = (): string =>
  [
    '## Metrics',
    'Prometheus text at `/metrics`. Label values come from the configuration, never from what a sender wrote.\n',
    table(
      ['name', 'type', 'labels', 'meaning'],
      Object.entries(METRICS).map(([name, { kind, labels, help }]) => [
        code(name),
        kind,
        labels.map(code).join(' '),
        help
      ])
    )
  ].join('\n')

const errors = (): string =>
  [
    '## Error codes',
    'A code never changes its meaning, and a retired one is never used again. Messages quote nothing of the input.\n',
    table(
      ['code', 'meaning'],
      Object.entries(ERROR_CODES).map(([name, text]) => [code(name), text])
    )
  ].join('\n')

function events({ catalog }: Described): string {
  const fields = [...optionRows(KeywatchFields)].map(({ path, type, required, description }) => [
    code(path),
    type,
    required ? 'yes' : '',
    description
  ])
  const classes = byName(catalog.sources).flatMap(({ name }) =>
    [...classesOf(name)].map(([className, actions]) => [code(name), className, actions.map(code).join(' ')])
  )
  return [
    '## Events',
    `Every event is [OCSF ${OCSF_VERSION}](https://schema.ocsf.io/${OCSF_VERSION}). What OCSF has no place for stands under`,
    '`unmapped.keywatch`; a field is there only if it is known.\n',
    '### Fields of `unmapped.keywatch`\n',
    table(['field', 'type', 'always (in its part)', 'meaning'], fields),
    '\n### Classes\n',
    table(
      ['name in queries', 'class_uid'],
      Object.entries(CLASS_UIDS).map(([name, uid]) => [code(name), String(uid)])
    ),
    '\n### Which source makes which class\n',
    'As the golden events of the tests show it. Any source can also make `application_error` (6008): a record in quarantine.',
    'Keywatch itself makes `application_lifecycle` (6002: checkpoints, lookups) and `detection_finding` (2004).\n',
    table(['source', 'class', 'actions seen'], classes)
  ].join('\n')
}

export const renderReference = (described: Described): string =>
  `${[
    '# Reference',
    '<!-- Generated by test/docs.test.ts from the code. Do not edit: change the code, then run the test. -->',
    '[Configuration](#configuration) · [HTTP API](#http-api) · [Commands](#commands) · [Metrics](#metrics) · [Error codes](#error-codes) · [Events](#events) · [Detectors](#detectors)',
    '## What there is\n',
    sourcesTable(described.catalog),
    sinksTable(described.catalog),
    contextsTable(described.catalog),
    configuration(described),
    httpApi(),
    commands(described),
    metrics(),
    errors(),
    events(described),
    '## Detectors',
    detectorsTable(described.detectors, file => `../detectors/${file}`)
  ].join('\n\n')}\n`
