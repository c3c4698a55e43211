/**
 * The shape of the project, as rules over its files (DESIGN: who may import whom, sizes, names, owners). Each rule also
 * runs on a tree with a planted violation, which it must see, and on one without, which it must let pass.
 */
import { describe, expect, it } from 'vitest'
import * as files from './architecture/files.ts'
import * as imports from './architecture/imports.ts'
import * as packages from './architecture/packages.ts'
import { type Rule, readTree, treeOf } from './architecture/tree.ts'

interface Case {
  readonly name: string
  readonly rule: Rule
  /** Each of these trees must be refused… */
  readonly bad: readonly Readonly<Record<string, string>>[]
  /** …and this one must pass. */
  readonly good: Readonly<Record<string, string>>
}

const json = (dependencies: readonly string[]) =>
  JSON.stringify({ dependencies: Object.fromEntries(dependencies.map(name => [name, '1.0.0'])) })
const lock = (entry: object) => JSON.stringify({ packages: { 'node_modules/evil': entry } })
const longFunction = (lines: number) => `function f() {\n${'  f()\n'.repeat(lines - 2)}}\n`
const HEADER = '/** Which files are there? This one answers nothing. */\n'

const cases: readonly Case[] = [
  {
    name: 'a folder imports only what the table allows, and nobody but the commands the spine',
    rule: imports.importTable,
    bad: [
      { 'src/core/event.ts': "import { x } from '../lib/x.ts'" },
      { 'src/lib/x.ts': "import type { Sink } from '../sinks/splunk.ts'" },
      { 'src/deliver/lane.ts': "export * from '../journal/file.ts'" },
      { 'src/decode/clf.ts': "export type X = import('../sources/x.ts').X" },
      { 'src/sinks/splunk.ts': "const { x } = await import('../decode/clf.ts')" },
      { 'src/api/server.ts': "import { start } from '../service.ts'" },
      { 'src/console/app.js': "import { x } from '../core/event.ts'" },
      { 'src/core/x.ts': "import { expectOcsf } from '../../test/ocsf.ts'" },
      { 'src/novel/x.ts': 'export const x = 1' }
    ],
    good: {
      'src/sources/clf.ts': "import { x } from '../decode/clf.ts'\nimport type { E } from '../core/event.ts'",
      'src/service.ts': "import { x } from './sinks/splunk.ts'",
      'src/commands/start.ts': "import { x } from '../service.ts'",
      'src/detect/a.ts': "import { b } from './b.ts'"
    }
  },
  {
    name: 'no component imports another',
    rule: imports.noComponentImportsAnother,
    bad: [
      { 'src/sinks/splunk.ts': "import { x } from './datadog.ts'" },
      { 'src/context/calendar.ts': "import type { X } from './inventory/match.ts'" }
    ],
    good: { 'src/context/inventory.ts': "import { match } from './inventory/match.ts'" }
  },
  {
    name: 'no import goes in a circle',
    rule: imports.noCycles,
    bad: [
      { 'src/core/a.ts': "import './b.ts'", 'src/core/b.ts': "import type { A } from './a.ts'" },
      {
        'src/lib/a.ts': "import './b.ts'",
        'src/lib/b.ts': "import './c.ts'",
        'src/lib/c.ts': "export * from './a.ts'"
      },
      { 'src/lib/self.ts': "import './self.ts'" }
    ],
    good: {
      'src/lib/a.ts': "import './b.ts'\nimport './c.ts'",
      'src/lib/b.ts': "import './c.ts'",
      'src/lib/c.ts': ''
    }
  },
  {
    name: 'a package is used where it belongs',
    rule: imports.packageOwners,
    bad: [
      { 'src/sinks/kafka-like.ts': "import { fastify } from 'fastify'" },
      { 'src/sinks/splunk.ts': "import { Kafka } from 'kafkajs'" },
      { 'src/lib/x.ts': "import { NodeSDK } from '@opentelemetry/sdk-node'" },
      { 'src/lib/a.ts': "import 'ipaddr.js'", 'src/detect/b.ts': "import 'ipaddr.js'" },
      { 'src/service.ts': "export const load = () => import('@datadog/datadog-api-client')" }
    ],
    good: {
      'src/sinks/kafka.ts': "import { Kafka } from 'kafkajs'\nimport { z } from 'zod'",
      'src/ingest.ts': "import { trace } from '@opentelemetry/api'",
      'src/detect/a.ts': "import 'ipaddr.js'",
      'src/detect/b.ts': "import 'ipaddr.js'"
    }
  },
  {
    name: 'the disk is reached by its owners only',
    rule: imports.diskOwners,
    bad: [
      { 'src/detect/rules.ts': "import { readFileSync } from 'node:fs'" },
      { 'src/sinks/file.ts': "import { open } from 'fs/promises'" },
      { 'src/redact/rules.ts': "import type { Stats } from 'node:fs'" }
    ],
    good: {
      'src/lib/disk.ts': "import { open } from 'node:fs/promises'",
      'src/redact/keys.ts': "import 'node:fs'"
    }
  },
  {
    name: 'the environment, the time and chance are reached by their owners only',
    rule: files.reachOwners,
    bad: [
      { 'src/sinks/x.ts': "const a = process.env['HOME']" },
      { 'src/sinks/x.ts': 'const { env } = process' },
      { 'src/sinks/x.ts': "import { env } from 'node:process'" },
      { 'src/main.ts': "const a = process['env']" },
      { 'src/deliver/x.ts': 'const now = Date.now()' },
      { 'src/deliver/x.ts': 'const clock = Date.now' },
      { 'src/deliver/x.ts': 'const day = new Date().getDay()' },
      { 'src/deliver/x.ts': 'const text = Date()' },
      { 'src/deliver/x.ts': 'const jitter = Math.random()' }
    ],
    good: {
      'src/config/environment.ts': 'export const all = process.env',
      'src/lib/clock.ts': 'export const now = () => Date.now()',
      'src/context/calendar.ts': '// Date.now() in a comment\nexport const at = (ms: number) => new Date(ms)',
      'src/lib/x.ts': "export const text = 'process.env'\nprocess.exitCode = 1"
    }
  },
  {
    name: 'a file has at most 300 lines, a test 500',
    rule: files.fileSize,
    bad: [{ 'src/lib/x.ts': 'f()\n'.repeat(301) }, { 'test/x.test.ts': 'f()\n'.repeat(501) }],
    good: { 'src/lib/x.ts': 'f()\n'.repeat(300), 'test/x.test.ts': 'f()\n'.repeat(500) }
  },
  {
    name: 'a function has at most 70 lines',
    rule: files.functionSize,
    bad: [
      { 'src/lib/x.ts': longFunction(71) },
      { 'src/lib/x.ts': `const f = () => {\n${'  g()\n'.repeat(70)}}\n` },
      { 'src/lib/x.ts': `function f() {\n  each(() => {\n${'    g()\n'.repeat(70)}  })\n}\n` },
      { 'src/lib/x.ts': `class A {\n  m() {\n${'    g()\n'.repeat(70)}  }\n}\n` }
    ],
    good: {
      'src/lib/x.ts': longFunction(70) + longFunction(70),
      'src/lib/factory.ts': `const make = () => {\n${longFunction(70)}const g = () => {\n${'  f()\n'.repeat(66)}}\n}\n`
    }
  },
  {
    name: 'a file begins with a comment that says what it answers',
    rule: files.header,
    bad: [
      { 'src/lib/x.ts': 'export const x = 1' },
      { 'src/lib/x.ts': '/** x */\nexport const x = 1' },
      { 'src/main.ts': '#!/usr/bin/env node\nimport x from "y"' }
    ],
    good: { 'src/lib/x.ts': `${HEADER}export const x = 1`, 'src/main.ts': `#!/usr/bin/env node\n${HEADER}` }
  },
  {
    name: 'a file is named after what it does',
    rule: files.names,
    bad: ['utils', 'helpers', 'misc', 'common', 'types', 'index'].map(name => ({
      [`src/lib/${name}.ts`]: ''
    })),
    good: { 'src/lib/event-id.ts': '', 'src/sinks/types-of-things.ts': '' }
  },
  {
    name: 'a component has a test of its name',
    rule: files.componentTests,
    bad: [
      { 'src/sinks/splunk.ts': '' },
      { 'src/context/calendar.ts': '', 'test/sinks/calendar.test.ts': '' }
    ],
    good: {
      'src/sinks/splunk.ts': '',
      'test/sinks/splunk.test.ts': '',
      'src/context/inventory/match.ts': '',
      'src/lib/x.ts': ''
    }
  },
  {
    name: 'a component is exported under the name of its file',
    rule: files.componentExports,
    bad: [
      { 'src/sinks/splunk.ts': "export default defineSink({ name: 'spulnk' })" },
      { 'src/sinks/splunk.ts': "export default defineSource({ name: 'splunk' })" },
      { 'src/sinks/splunk.ts': "export const splunk = defineSink({ name: 'splunk' })" },
      { 'src/sources/parse-things.ts': 'export const parse = 1' }
    ],
    good: {
      'src/sinks/splunk.ts': "export default defineSink({ name: 'splunk', open() {} })",
      'src/context/calendar.ts':
        "const calendar = defineContext({ name: 'calendar' })\nexport default calendar",
      'src/context/inventory/match.ts': 'export const match = 1'
    }
  },
  {
    name: 'nothing is left for later',
    rule: files.noLooseEnds,
    bad: ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].map(word => ({
      'src/lib/x.ts': `// ${word}: later`
    })),
    good: { 'src/lib/x.ts': 'const HACKNEY = 1', 'test/fixtures/x.ts': `// ${'TO' + 'DO'}` }
  },
  {
    name: 'no checker is silenced',
    rule: files.noSilencedChecks,
    bad: ['@ts-' + 'ignore', '@ts-' + 'expect-error', 'biome-' + 'ignore lint: x'].map(word => ({
      'src/lib/x.ts': `// ${word}`
    })),
    good: { 'src/lib/x.ts': '// biome formats this' }
  },
  {
    name: 'the type any is nowhere',
    rule: files.noAny,
    bad: [
      { 'src/lib/x.ts': 'export const f = (x: any) => x' },
      { 'src/lib/x.ts': 'export const y = JSON.parse("") as any' },
      { 'src/lib/x.ts': 'export type A = Map<string, any[]>' }
    ],
    good: { 'src/lib/x.ts': '// any\nexport const any = (x: unknown) => Promise.any([x])' }
  },
  {
    name: 'detectors/ holds Sigma rules and nothing else',
    rule: files.detectorsArePlain,
    bad: [{ 'detectors/mcp/x.ndjson': '' }, { 'detectors/README.md': '' }, { 'detectors/x.yaml': '' }],
    good: { 'detectors/mcp/x.yml': '' }
  },
  {
    name: 'there are at most 25 production dependencies',
    rule: packages.fewDependencies,
    bad: [{ 'package.json': json(Array.from({ length: 26 }, (_, i) => `p${i}`)) }],
    good: { 'package.json': json(Array.from({ length: 25 }, (_, i) => `p${i}`)) }
  },
  {
    name: 'a production dependency is imported somewhere',
    rule: packages.dependenciesAreUsed,
    bad: [{ 'package.json': json(['fastify']), 'test/x.ts': "import 'fastify'" }],
    good: {
      'package.json': json(['fastify', '@duckdb/node-api']),
      'src/api/x.ts': "import 'fastify'\nimport '@duckdb/node-api/lib/x.js'"
    }
  },
  {
    name: 'what is imported is a production dependency',
    rule: packages.usesAreDeclared,
    bad: [{ 'package.json': json([]), 'src/api/x.ts': "import 'fastify'" }],
    good: {
      'package.json': json(['fastify']),
      'src/api/x.ts': "import 'fastify'\nimport 'node:fs'\nimport './y.ts'"
    }
  },
  {
    name: 'no production package runs an unknown script at install',
    rule: packages.installScripts,
    bad: [{ 'package-lock.json': lock({ hasInstallScript: true }) }],
    good: { 'package-lock.json': lock({ hasInstallScript: true, dev: true }) }
  },
  {
    name: 'the rules look at something',
    rule: packages.thereIsCode,
    bad: [{ 'src/style.css': '' }],
    good: { 'src/main.ts': '' }
  }
]

describe('the project', () => {
  const tree = readTree()
  for (const { name, rule } of cases) {
    it(name, () => {
      const found = rule(tree)
      expect(found, `\n${found.join('\n')}\n`).toEqual([])
    })
  }
})

describe('each rule tests itself', () => {
  for (const { name, rule, bad, good } of cases) {
    it(`sees every planted violation and names a remedy: ${name}`, () => {
      for (const files of bad) {
        const found = rule(treeOf(files))
        expect(found, JSON.stringify(files).slice(0, 200)).not.toEqual([])
        for (const line of found) expect(line, 'what is wrong; what to do').toMatch(/: .+(;|\.) .+/)
      }
    })

    it(`lets the rest pass: ${name}`, () => {
      expect(rule(treeOf(good))).toEqual([])
    })
  }
})
