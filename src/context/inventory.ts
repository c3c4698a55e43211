/**
 * Context provider `inventory`: is this MCP server one of ours, in which environment, and does an unknown name
 * pretend to be one of ours?
 *
 * A server is known by its name (letter case and surrounding space aside) or by its host (the destination of
 * the connection, or the host of the URL). What is unknown is compared with every name and host of the list
 * (inventory/lookalike.ts). Without servers in the configuration nothing is set: no list, no opinion.
 */
import { z } from 'zod'
import { defineContext } from '../core/context.ts'
import type { McpFields, OcsfEvent } from '../core/event.ts'
import { Lookalikes } from './inventory/lookalike.ts'

const options = z
  .strictObject({
    servers: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(256).describe('Canonical name of the MCP server.'),
          hosts: z.array(z.string().min(1).max(253)).default([]).describe('Host names that lead to it.'),
          environment: z.string().min(1).optional().describe('For instance `production`.'),
          audience: z.string().min(1).optional().describe('Audience that a token for it must name.')
        })
      )
      .max(10_000)
      .default([])
      .superRefine((servers, context) => {
        const seen = new Set<string>()
        servers.forEach((server, index) => {
          const key = fold(server.name)
          if (seen.has(key)) {
            context.addIssue({
              code: 'custom',
              path: [index, 'name'],
              message: 'this server is listed twice'
            })
          }
          seen.add(key)
        })
      })
      .describe('The MCP servers that are known and wanted.')
  })
  .prefault({})
export type InventoryOptions = z.output<typeof options>
type Server = InventoryOptions['servers'][number]

type ServerFields = NonNullable<McpFields['server']>

/** Verdicts remembered per name and per host. A hostile stream of new names empties the cache, no more. */
const VERDICTS_MAX = 10_000

const fold = (name: string): string => name.trim().toLowerCase()

/** A host name in the one spelling that is compared: lower case, no port, no final dot. */
function foldHost(host: string): string {
  const bare = fold(host).replace(/:\d+$/, '')
  return bare.endsWith('.') ? bare.slice(0, -1) : bare
}

/** What the list says of one name or one host. */
interface Verdict {
  readonly server?: Server
  readonly lookalikeOf?: string
  readonly reason?: string
}

class Inventory {
  readonly #names = new Map<string, Server>()
  readonly #hosts = new Map<string, Server | null>()
  readonly #nameLookalikes: Lookalikes
  readonly #hostLookalikes: Lookalikes
  readonly #nameVerdicts = new Map<string, Verdict>()
  readonly #hostVerdicts = new Map<string, Verdict>()

  constructor(servers: readonly Server[]) {
    for (const server of servers) {
      this.#names.set(fold(server.name), server)
      for (const host of server.hosts) {
        const key = foldHost(host)
        // A gateway host that leads to several servers identifies none of them: only the name can.
        this.#hosts.set(key, this.#hosts.has(key) && this.#hosts.get(key) !== server ? null : server)
      }
    }
    this.#nameLookalikes = new Lookalikes(servers.map(server => ({ text: server.name, of: server.name })))
    this.#hostLookalikes = new Lookalikes(
      servers.flatMap(server => server.hosts.map(host => ({ text: foldHost(host), of: server.name })))
    )
  }

  apply(event: OcsfEvent): void {
    const own = event.unmapped.keywatch
    const mcp = own.mcp
    const name = mcp?.server?.name
    const host = event.dst_endpoint?.hostname ?? event.http_request?.url?.hostname
    if (mcp === undefined && host === undefined) return
    const byName = name === undefined ? undefined : this.#byName(name)
    let server = byName?.server
    let byHost: Verdict | undefined
    if (server === undefined && host !== undefined) {
      byHost = this.#byHost(host)
      server = byHost.server
    }
    if (server !== undefined) {
      const fields: ServerFields = { name: server.name, known: true }
      if (server.environment !== undefined) {
        fields.environment = server.environment
        own.environment ??= server.environment
      }
      if (mcp === undefined) own.mcp = { server: fields }
      else mcp.server = fields
      return
    }
    // Traffic to hosts that nobody calls an MCP server is none of the inventory's business.
    if (mcp === undefined || (name === undefined && host === undefined)) return
    const verdict = byName?.lookalikeOf !== undefined ? byName : byHost
    const fields: ServerFields = { ...mcp.server, known: false }
    // A shared gateway is a host of ours: a name that it does not list is unknown, its host is not strange.
    if (verdict?.lookalikeOf !== undefined) {
      fields.lookalike_of = verdict.lookalikeOf
      if (verdict.reason !== undefined) fields.lookalike_reason = verdict.reason
    }
    mcp.server = fields
  }

  #byName(name: string): Verdict {
    const cached = this.#nameVerdicts.get(name)
    if (cached !== undefined) return cached
    const server = this.#names.get(fold(name))
    return this.#keep(
      this.#nameVerdicts,
      name,
      server === undefined ? judge(this.#nameLookalikes, name, '') : { server }
    )
  }

  #byHost(host: string): Verdict {
    const cached = this.#hostVerdicts.get(host)
    if (cached !== undefined) return cached
    const folded = foldHost(host)
    const server = this.#hosts.get(folded)
    if (server === null) return this.#keep(this.#hostVerdicts, host, {})
    return this.#keep(
      this.#hostVerdicts,
      host,
      server === undefined ? judge(this.#hostLookalikes, folded, 'host: ') : { server }
    )
  }

  #keep(cache: Map<string, Verdict>, key: string, verdict: Verdict): Verdict {
    if (cache.size >= VERDICTS_MAX) cache.clear()
    cache.set(key, verdict)
    return verdict
  }
}

function judge(lookalikes: Lookalikes, text: string, prefix: string): Verdict {
  const found = lookalikes.find(text)
  return found === undefined ? {} : { lookalikeOf: found.of, reason: prefix + found.reason }
}

export default defineContext({
  name: 'inventory',
  summary: 'Says whether an MCP server is known, in which environment, and whose name it imitates.',
  options,
  open(settings) {
    if (settings.servers.length === 0) return { apply() {} }
    const inventory = new Inventory(settings.servers)
    return { apply: event => inventory.apply(event) }
  }
})
