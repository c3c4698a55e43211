/**
 * What happens on a normal day? Small scenes, each a few records at one moment: a call, a call that is tried again, the
 * discovery before a login, an expired token, a path that is not there, a probe of the cluster, a changed secret.
 * None of them leaves the habits of the fleet: nobody's address or credential is seen elsewhere.
 */
import type { Credential } from './credentials.ts'
import type { Fleet, Principal, Server } from './fleet.ts'
import type { Random } from './random.ts'
import {
  accessLine,
  changeRecord,
  type Exchange,
  edgeRecord,
  gatewayRecord,
  logRecord,
  spanRecord,
  type TrafficRecord
} from './record.ts'
import { HOUR_MS, isChangeTime, MINUTE_MS, shareOfPeople } from './rhythm.ts'

/** Shares of servers' records: not everything is sampled. */
const SPANS = 0.5
const LOGS = 0.15
const RPC_ERRORS = 0.02
/** At most so many refused or missed requests per address and minute, however much traffic there is: a person is no burst. */
const MISSES_MAX = 2

const ARGUMENTS = [
  { query: 'is:open label:bug sort:updated', limit: 50 },
  { path: 'reports/weekly.md' },
  { channel: 'incidents', text: 'deploy finished' },
  { sql: 'select count(*) from orders where created_at > now() - interval 1 day' },
  { id: 4711, include: ['comments', 'labels'] }
]
const MISSING = ['/favicon.ico', '/robots.txt', '/mcp/v0', '/sse', '/.well-known/mcp.json']
const SECRETS = ['STRIPE_WEBHOOK_ENDPOINT', 'SENTRY_DSN', 'FEATURE_FLAGS', 'SMTP_HOST', 'GRAFANA_URL']
const PROBE = { address: '10.40.0.2', userAgent: 'kube-probe/1.34' }

/** An exchange of a principal with a server that begins at `begin`, successful unless `more` says otherwise. */
export function exchangeOf(
  random: Random,
  who: Pick<Principal, 'name' | 'team' | 'address' | 'client'>,
  access: { readonly server: Server; readonly credential: Credential },
  begin: number,
  more: Partial<Omit<Exchange, 'time'>> = {}
): Exchange {
  const { server, credential } = access
  const durationMs = more.durationMs ?? Math.round(8 + 900 * random.next() ** 3)
  const called = (more.method ?? 'tools/call') === 'tools/call'
  return {
    time: begin + durationMs,
    durationMs,
    address: who.address,
    userAgent: who.client.userAgent,
    client: who.client.name,
    user: who.name,
    team: who.team,
    server,
    httpMethod: 'POST',
    method: 'tools/call',
    ...(called && { tool: random.pick(server.tools), arguments: JSON.stringify(random.pick(ARGUMENTS)) }),
    status: 200,
    bytes: Math.round(200 + 40_000 * random.next() ** 4),
    header: credential.headerAt(begin, server.audience),
    session: sessionOf(random, who.name, server.name, begin),
    requestId: random.hex(32),
    rpcId: random.below(10_000),
    traceId: random.hex(32),
    spanId: random.hex(16),
    ...more
  }
}

/** One session per principal, server and hour. */
const sessionOf = (random: Random, who: string, server: string, time: number): string =>
  random.fork(`session/${who}/${server}/${Math.floor(time / HOUR_MS)}`).uuid()

export class Scenes {
  readonly #fleet: Fleet
  readonly #random: Random
  /** Of the minute that is being written. */
  readonly #misses = new Map<string, number>()
  #minute = -1

  constructor(fleet: Fleet, random: Random) {
    this.#fleet = fleet
    this.#random = random
  }

  /** The records of one scene that begins at `time`; some are seconds later. Never empty. */
  at(time: number): TrafficRecord[] {
    const random = this.#random
    const dice = random.next()
    if (dice < 0.02) return this.#probe(time)
    const isPerson = random.chance(shareOfPeople(time))
    const who = random.pick(isPerson ? this.#fleet.people : this.#fleet.automations)
    const access = random.pick(who.access)
    const call = exchangeOf(random, who, access, time, this.#kindOfCall())
    if (dice < 0.024 && isPerson && isChangeTime(time)) return [this.#change(who, time)]
    if (dice < 0.06) return this.#retried(call)
    if (dice < 0.09 && this.#mayMiss(who.address, time)) return this.#missing(who, time)
    if (dice < 0.11 && this.#mayMiss(who.address, time)) return this.#discovery(call)
    if (dice < 0.12 && access.credential.format === 'jwt' && this.#mayMiss(who.address, time))
      return this.#expired(call, access)
    return this.#observed(random.chance(RPC_ERRORS) ? { ...call, rpcError: -32602 } : call)
  }

  #kindOfCall(): Partial<Exchange> {
    const dice = this.#random.next()
    if (dice < 0.08) return { method: 'tools/list' }
    if (dice < 0.11) return { method: 'initialize' }
    if (dice < 0.13) return { method: 'prompts/list' }
    return {}
  }

  /** Counts what an address missed within the minute, and says whether one more is still ordinary. */
  #mayMiss(address: string, time: number): boolean {
    const minute = Math.floor(time / MINUTE_MS)
    if (minute !== this.#minute) this.#misses.clear()
    this.#minute = minute
    const count = (this.#misses.get(address) ?? 0) + 1
    if (count > MISSES_MAX) return false
    this.#misses.set(address, count)
    return true
  }

  /** What proxy, gateway and, if it came through and was sampled, the server say of an exchange. */
  #observed(exchange: Exchange): TrafficRecord[] {
    const records = [edgeRecord(exchange), gatewayRecord(exchange)]
    if (exchange.status !== 200) return records
    if (this.#random.chance(SPANS)) records.push(spanRecord(exchange))
    if (this.#random.chance(LOGS)) records.push(logRecord(exchange))
    return records
  }

  /** The same call again, as its own request. */
  #again(call: Exchange, afterMs: number): Exchange {
    const random = this.#random
    return {
      ...call,
      time: call.time + afterMs,
      requestId: random.hex(32),
      rpcId: call.rpcId + 1,
      spanId: random.hex(16)
    }
  }

  /** The server is busy, the client waits and tries again. */
  #retried(call: Exchange): TrafficRecord[] {
    const failed = { ...call, status: this.#random.pick([429, 502, 503]), bytes: 162 }
    return [...this.#observed(failed), ...this.#observed(this.#again(call, 1000 + this.#random.below(3000)))]
  }

  /** RFC 9728: a client without a token is refused, asks where to get one, and comes back with it. */
  #discovery(call: Exchange): TrafficRecord[] {
    const { time, address, userAgent, server } = call
    const get = (afterMs: number, target: string, status: number) =>
      accessLine({ time: time + afterMs, address, userAgent, httpMethod: 'GET', target, status, bytes: 412 })
    const first: Exchange = { ...call, status: 401, bytes: 112, method: 'initialize' }
    return [
      edgeRecord(first),
      get(60, `/.well-known/oauth-protected-resource${server.path}`, 200),
      get(130, '/.well-known/oauth-authorization-server', 404),
      get(190, '/.well-known/openid-configuration', 200),
      ...this.#observed(this.#again(call, 2500))
    ]
  }

  /** The token of the hour before, and then the one of this hour. */
  #expired(call: Exchange, { server, credential }: Principal['access'][number]): TrafficRecord[] {
    const old = credential.headerAt(call.time - HOUR_MS, server.audience)
    return [
      ...this.#observed({ ...call, header: old, status: 401, bytes: 112 }),
      ...this.#observed(this.#again(call, 800))
    ]
  }

  #missing({ address, client }: Principal, time: number): TrafficRecord[] {
    const target = this.#random.pick(MISSING)
    const { userAgent } = client
    return [accessLine({ time, address, userAgent, httpMethod: 'GET', target, status: 404, bytes: 153 })]
  }

  #probe(time: number): TrafficRecord[] {
    return [accessLine({ ...PROBE, time, httpMethod: 'GET', target: '/healthz', status: 200, bytes: 2 })]
  }

  /** Somebody changes a setting, by day. */
  #change(who: Principal, time: number): TrafficRecord {
    const random = this.#random
    const slug = `FAKE${random.text(20)}`
    return changeRecord({
      time,
      slug,
      user: who.name,
      project: 'backend',
      config: 'stg',
      secret: random.pick(SECRETS)
    })
  }
}
