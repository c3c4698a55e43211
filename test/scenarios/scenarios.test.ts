/** Runs the scenarios of this folder: events at times of a virtual clock, findings where they are expected. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import calendar from '../../src/context/calendar.ts'
import { apiActivity, entityManagement, httpActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Entry } from '../../src/core/ports.ts'
import { createDetectorEngine } from '../../src/detect/engine.ts'
import { loadDetectors, readDetectorFolder } from '../../src/detect/load.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { duration } from '../../src/lib/units.ts'
import { expectOcsf } from '../ocsf.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const detectors = await readDetectorFolder(
  realDisk,
  fileURLToPath(new URL('../../detectors', import.meta.url))
)

const Facts = z.strictObject({
  type: z.enum(['http', 'mcp', 'secret']).optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  code: z.number().optional(),
  /** `$n` is the number of the repetition, from 1. */
  ip: z.string().nullable().optional(),
  credential: z.string().optional(),
  actor: z.string().optional(),
  secret: z.string().optional(),
  action: z.string().optional(),
  failed: z.boolean().optional()
})
type Facts = z.infer<typeof Facts>

const Scenario = z.strictObject({
  title: z.string(),
  start: z.string().transform(text => Date.parse(text)),
  detectors: z.array(z.string()),
  calendar: z.unknown().optional(),
  template: Facts,
  steps: z.array(
    z.strictObject({
      why: z.string(),
      at: duration(),
      every: duration().default(0),
      count: z.number().default(1),
      event: Facts,
      /** Findings that the step makes, in order. Absent: none. */
      expect: z
        .array(
          z.strictObject({
            detector: z.string(),
            group: z.record(z.string(), z.string()).default({}),
            message: z.string().default('')
          })
        )
        .default([])
    })
  )
})
type Scenario = z.infer<typeof Scenario>

function eventOf(facts: Facts, time: number, n: number): OcsfEvent {
  const failed = facts.failed === true || (facts.code ?? 200) >= 400
  const status = failed ? ('failure' as const) : ('success' as const)
  const ip = facts.ip?.replace('$n', String(n))
  const src = ip === undefined ? {} : { src: { ip } }
  if (facts.type === 'secret') {
    const name = facts.secret ?? 'SECRET'
    const secret = { manager: 'doppler', name }
    return entityManagement({
      time,
      status,
      activity: 'update',
      entity: { name, type: 'Secret', type_id: 99 },
      ...(facts.actor === undefined ? {} : { actor: { user: { name: facts.actor } } }),
      keywatch: { secret, ...(facts.action === undefined ? {} : { action: facts.action }) }
    })
  }
  const response = { code: facts.code ?? 200 }
  const credentials =
    facts.credential === undefined
      ? {}
      : { credentials: [{ fingerprint: facts.credential, type: 'x', where: 'y', use: 'presented' as const }] }
  if (facts.type === 'mcp') {
    const api = { operation: 'tools/call' }
    const keywatch = { mcp: { method: 'tools/call' }, ...credentials }
    return apiActivity({ time, status, activity: 'other', api, response, keywatch, ...src })
  }
  const request = { http_method: facts.method ?? 'GET', url: { path: facts.path ?? '/' } }
  return httpActivity({ time, status, request, response, keywatch: credentials, ...src })
}

/** The entries of every step; a day of the virtual clock costs nothing. */
function play(scenario: Scenario): Entry[][] {
  const context = calendar.open(calendar.options.parse(scenario.calendar))
  let sequence = 0
  return scenario.steps.map(step =>
    Array.from({ length: step.count }, (_, index) => {
      const time = scenario.start + step.at + index * step.every
      const event = eventOf({ ...scenario.template, ...step.event }, time, index + 1)
      event.metadata.uid = `event-${String(sequence).padStart(5, '0')}`
      event.metadata.logged_time = time + 20
      event.unmapped.keywatch.source = 'scenario'
      event.unmapped.keywatch.source_type = 'scenario'
      context.apply(event)
      return { sequence, pointer: { segment: 0, offset: sequence++, length: 1 }, event }
    })
  )
}

describe.each(readdirSync(FOLDER).filter(name => name.endsWith('.yml')))('scenario %s', name => {
  const scenario = Scenario.parse(parse(readFileSync(`${FOLDER}/${name}`, 'utf8')))
  const files = detectors.filter(file => scenario.detectors.includes(file.path))
  const set = loadDetectors(files)
  const names = new Map([...set.rules, ...set.correlations].map(({ head }) => [head.id, head.name]))
  const played = play(scenario)
  const live = createDetectorEngine({ files })
  const found = played.map(entries => live.evaluate(entries))

  it('uses detectors that are there', () => {
    expect(files).toHaveLength(scenario.detectors.length)
    expect(live.problems).toEqual([])
  })

  it.each(scenario.steps.map((step, index) => [step.why, step, index] as const))('%s', (_, step, index) => {
    const findings = found[index] ?? []
    expect(findings.map(event => names.get(event.unmapped.keywatch.finding?.rule ?? ''))).toEqual(
      step.expect.map(one => one.detector)
    )
    step.expect.forEach((one, position) => {
      const finding = findings[position]
      if (finding === undefined) return
      expectOcsf(finding)
      expect(finding.unmapped.keywatch.finding?.group).toMatchObject(one.group)
      expect(finding.message).toContain(one.message)
    })
  })

  it('finds the same when stopped and restored before every event, and when read in one piece', () => {
    const all = found.flat()
    const entries = played.flat()
    expect(createDetectorEngine({ files }).evaluate(entries)).toEqual(all)
    for (let cut = 0; cut <= entries.length; cut++) {
      const first = createDetectorEngine({ files })
      const before = first.evaluate(entries.slice(0, cut))
      const second = createDetectorEngine({ files })
      second.restore(JSON.parse(JSON.stringify(first.snapshot())))
      expect([...before, ...second.evaluate(entries.slice(cut))]).toEqual(all)
    }
  })
})
