/**
 * The staged attack, and the truth about it. Within the span, in this order:
 *
 *   exposure    the token of a person stands in a URL in the proxy's log
 *   misuse      the same token calls tools from a foreign address: in the gateway's log and in the server's spans
 *   change      a secret is changed out of hours at the secret manager (the night before, if the span is by day)
 *   burst       forty refused requests from one foreign address within a minute, then one that succeeds
 *   lookalike   a person's agent talks to a server whose name only looks like one of ours
 *
 * Foreign addresses are those of RFC 5737. The times of the story are those that the records tell.
 */
import type { Fleet, Principal, Server } from './fleet.ts'
import type { Random } from './random.ts'
import {
  accessLine,
  changeRecord,
  type Exchange,
  edgeRecord,
  gatewayRecord,
  spanRecord,
  type TrafficRecord
} from './record.ts'
import { offHoursAt } from './rhythm.ts'
import { exchangeOf } from './scenes.ts'

/** What a detective should find out. Times in milliseconds since 1970. */
export interface Story {
  readonly exposure: {
    readonly time: number
    readonly token: string
    readonly owner: string
    /** The owner's own address: the leak was no malice. */
    readonly address: string
    readonly server: string
  }
  readonly misuse: {
    readonly from: number
    readonly to: number
    readonly address: string
    /** Calls; each is one record of the gateway and one span. */
    readonly calls: number
    readonly tools: readonly string[]
    readonly server: string
  }
  readonly change: {
    readonly time: number
    readonly user: string
    readonly project: string
    readonly config: string
    readonly secret: string
  }
  readonly burst: {
    readonly from: number
    readonly to: number
    readonly address: string
    readonly refused: number
    readonly succeededAt: number
    /** Whose credential succeeded. */
    readonly user: string
  }
  readonly lookalike: {
    readonly time: number
    readonly name: string
    readonly imitates: string
    readonly host: string
    readonly user: string
    readonly calls: number
  }
}

export interface Attack {
  readonly story: Story
  /** In the order of time. */
  readonly records: readonly TrafficRecord[]
}

export interface Span {
  readonly start: number
  readonly minutes: number
}

const MISUSES = 6
const REFUSALS = 40
const THIEF = { address: '198.51.100.77', userAgent: 'python-httpx/0.28.1', client: 'mcp' }
const GUESSER = { address: '203.0.113.45', userAgent: 'Go-http-client/2.0', client: 'unknown' }
const IMPOSTOR = 'github-mcp-svr'
const IMITATED = 'github-mcp-server'

type Access = Principal['access'][number]

/** Parts of the span, in milliseconds. */
interface Plan {
  readonly fleet: Fleet
  readonly random: Random
  readonly at: (share: number) => number
  readonly spanMs: number
  readonly github: Server
}

/** The person and the credential that are betrayed: a classic GitHub token, which never expires. */
function victimOf({ fleet, random }: Plan): Principal & { readonly theirs: Access } {
  const all = fleet.people.flatMap(person =>
    person.access.filter(one => one.credential.format === 'github-pat').map(theirs => ({ ...person, theirs }))
  )
  return random.pick(all)
}

function stolen(plan: Plan): { records: TrafficRecord[]; story: Pick<Story, 'exposure' | 'misuse'> } {
  const { random, at, spanMs, github } = plan
  const victim = victimOf(plan)
  const access: Access = { server: github, credential: victim.theirs.credential }
  const token = access.credential.secretAt(0, github.audience)
  const time = at(0.15)
  const tools = ['search_code', 'get_file_contents']
  const records: TrafficRecord[] = [
    accessLine({
      time,
      address: victim.address,
      userAgent: victim.client.userAgent,
      httpMethod: 'GET',
      target: `${github.path}/sse?access_token=${token}`,
      status: 200,
      bytes: 5120
    })
  ]
  const times: number[] = []
  for (let i = 0; i < MISUSES; i++) {
    const tool = tools[i % tools.length] ?? ''
    const call = exchangeOf(random, victim, access, at(0.25) + Math.round((i * spanMs * 0.2) / MISUSES), {
      ...THIEF,
      tool,
      arguments: JSON.stringify({ query: 'filename:.env', page: i + 1 }),
      session: random.fork('thief').uuid(),
      durationMs: 40 + random.below(20),
      bytes: 180_000 + random.below(90_000)
    })
    times.push(call.time)
    records.push(edgeRecord(call), gatewayRecord(call), spanRecord(call))
  }
  return {
    records,
    story: {
      exposure: { time, token, owner: victim.name, address: victim.address, server: github.name },
      misuse: {
        from: times[0] ?? 0,
        to: times.at(-1) ?? 0,
        address: THIEF.address,
        calls: MISUSES,
        tools,
        server: github.name
      }
    }
  }
}

function change({ fleet, random, at }: Plan): { records: TrafficRecord[]; story: Pick<Story, 'change'> } {
  const user = random.pick(fleet.people).name
  const told = {
    time: offHoursAt(at(0.55), at(0)),
    user,
    project: 'backend',
    config: 'prd',
    secret: 'STRIPE_API_KEY'
  }
  return {
    records: [changeRecord({ ...told, slug: `FAKE${random.text(20)}` })],
    story: { change: told }
  }
}

/** Guesses are refused by the proxy, so only its log has them; what succeeds, the gateway sees too. */
function burst(plan: Plan): { records: TrafficRecord[]; story: Pick<Story, 'burst'> } {
  const { fleet, random, at, spanMs } = plan
  const victim = random.pick(fleet.automations)
  const access = random.pick(victim.access)
  const from = at(0.7)
  // Within a minute, or a seventh of a span that is short.
  const stepMs = Math.min(1100, spanMs / 7 / REFUSALS)
  const timeOf = (i: number) => from + Math.round(i * stepMs)
  const records: TrafficRecord[] = []
  for (let i = 0; i < REFUSALS; i++) {
    records.push(
      accessLine({
        ...GUESSER,
        time: timeOf(i),
        httpMethod: 'POST',
        target: access.server.path,
        status: 401,
        bytes: 112
      })
    )
  }
  const success: Exchange = exchangeOf(random, victim, access, timeOf(REFUSALS) + Math.round(stepMs), {
    ...GUESSER,
    method: 'tools/list',
    durationMs: 31,
    session: random.fork('guesser').uuid()
  })
  records.push(edgeRecord(success), gatewayRecord(success))
  return {
    records,
    story: {
      burst: {
        from,
        to: timeOf(REFUSALS - 1),
        address: GUESSER.address,
        refused: REFUSALS,
        succeededAt: success.time,
        user: victim.name
      }
    }
  }
}

function lookalike(plan: Plan): { records: TrafficRecord[]; story: Pick<Story, 'lookalike'> } {
  const { fleet, random, at, spanMs, github } = plan
  const victim = random.pick(
    fleet.people.filter(person => person.access.every(one => one.credential.format !== 'github-pat'))
  )
  const [first] = victim.access
  if (first === undefined) throw new RangeError('a person without access')
  const host = `${IMPOSTOR}.example.net`
  const server: Server = { ...github, name: IMPOSTOR, host, path: '/mcp' }
  const calls = (['initialize', 'tools/list', 'tools/call'] as const).map((method, i) =>
    exchangeOf(
      random,
      victim,
      { server, credential: first.credential },
      at(0.85) + Math.round((i * spanMs) / 600),
      { method, durationMs: 90 + random.below(40) }
    )
  )
  return {
    // It goes out through the gateway, so no proxy of ours and no server of ours sees it.
    records: calls.map(gatewayRecord),
    story: {
      lookalike: {
        time: calls[0]?.time ?? 0,
        name: IMPOSTOR,
        imitates: IMITATED,
        host,
        user: victim.name,
        calls: calls.length
      }
    }
  }
}

/** The attack on a fleet within a span. Every time but that of the change lies within the span. */
export function createAttack(fleet: Fleet, span: Span, random: Random): Attack {
  const spanMs = span.minutes * 60_000
  const github = fleet.servers.find(server => server.name === IMITATED)
  if (github === undefined) throw new RangeError('the fleet has no server to imitate')
  const at = (share: number) => span.start + Math.round(spanMs * share)
  const plan = (label: string): Plan => ({ fleet, random: random.fork(label), at, spanMs, github })
  const acts = [
    stolen(plan('stolen')),
    change(plan('change')),
    burst(plan('burst')),
    lookalike(plan('lookalike'))
  ] as const
  const [{ story: first }, { story: second }, { story: third }, { story: fourth }] = acts
  return {
    story: { ...first, ...second, ...third, ...fourth },
    records: acts.flatMap(act => act.records).sort((a, b) => a.time - b.time)
  }
}
