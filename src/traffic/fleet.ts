/**
 * Who and what is there in the made-up company? Twelve MCP servers, twenty-five people and five automations, each at
 * one address with one client, and forty credentials. Who uses what follows from the seed and never changes within a run:
 * everything that leaves these habits is part of the attack. Addresses and names are those reserved for examples
 * (RFC 1918, RFC 5737, RFC 2606).
 */
import { type Credential, createCredential, type Format } from './credentials.ts'
import type { Random } from './random.ts'

export interface Server {
  readonly name: string
  readonly host: string
  readonly environment: string
  /** What a token for it must name as its audience. */
  readonly audience: string
  /** Path at the edge proxy: `/github/mcp`. */
  readonly path: string
  readonly tools: readonly string[]
}

export interface Client {
  readonly name: string
  readonly version: string
  readonly userAgent: string
}

/** A person or an automation. */
export interface Principal {
  /** E-mail of a person, name of an automation. */
  readonly name: string
  readonly isPerson: boolean
  readonly team: string
  readonly address: string
  readonly client: Client
  /** The servers it uses, each with the credential that it presents there. */
  readonly access: readonly { readonly server: Server; readonly credential: Credential }[]
}

export interface Fleet {
  readonly servers: readonly Server[]
  readonly people: readonly Principal[]
  readonly automations: readonly Principal[]
  readonly credentials: readonly Credential[]
}

const TOOLS: Readonly<Record<string, { readonly name: string; readonly tools: string }>> = {
  github: {
    name: 'github-mcp-server',
    tools: 'search_issues create_issue get_pull_request list_commits get_file_contents search_code'
  },
  slack: { name: 'slack-mcp-server', tools: 'post_message list_channels search_messages get_thread' },
  postgres: { name: 'postgres-mcp', tools: 'query list_tables describe_table explain_query' },
  jira: { name: 'jira-mcp', tools: 'search create_ticket transition_ticket add_comment' },
  files: { name: 'filesystem-mcp', tools: 'read_file list_directory search_files write_file' },
  s3: { name: 's3-mcp', tools: 'list_buckets list_objects get_object put_object' },
  sentry: { name: 'sentry-mcp', tools: 'find_issues get_issue_details find_releases' },
  grafana: { name: 'grafana-mcp-server', tools: 'query_prometheus list_dashboards query_loki_logs' },
  notion: { name: 'notion-mcp-server', tools: 'search_pages fetch_page create_page update_page' },
  kubernetes: { name: 'kubernetes-mcp', tools: 'pods_list pods_log resources_get events_list' },
  stripe: { name: 'stripe-mcp', tools: 'list_customers retrieve_balance search_documentation' },
  docs: { name: 'docs-search-mcp', tools: 'search fetch' }
}

const NAMES =
  'ada alan barbara claude dennis donald edsger frances grace guido hedy joan john karen katherine ken ' +
  'leslie linus margaret niklaus radia robin shafi tim vint'
const AUTOMATIONS = ['svc-ci', 'svc-release-bot', 'svc-triage-agent', 'svc-nightly-report', 'svc-indexer']
const TEAMS = ['platform', 'payments', 'data', 'support', 'growth', 'security']
const CLIENTS = ['claude-code 2.0', 'cursor 1.7', 'vscode-mcp 1.104', 'goose 1.9', 'windsurf 1.12'] as const
const CREDENTIALS = 40
/** Where a token of a vendor is presented. Other formats go anywhere. */
const HOME: Partial<Record<Format, string>> = {
  'github-pat': 'github-mcp-server',
  'github-fine-grained-pat': 'github-mcp-server',
  'slack-token': 'slack-mcp-server'
}

function serversOf(): Server[] {
  return Object.entries(TOOLS).map(([short, { name, tools }]) => ({
    name,
    host: `${short}.mcp.example.com`,
    environment: 'production',
    audience: `mcp-${short}`,
    path: `/${short}/mcp`,
    tools: tools.split(' ')
  }))
}

function clientOf(isPerson: boolean, random: Random): Client {
  if (!isPerson) return { name: 'mcp-sdk-agent', version: '1.20.0', userAgent: 'mcp-sdk/1.20.0 (node 24)' }
  const [name = '', minor = ''] = random.pick(CLIENTS).split(' ')
  const version = `${minor}.${random.below(30)}`
  return { name, version, userAgent: `${name}/${version} (node 24)` }
}

/** `count` servers, each with one of the owner's credentials. The first goes round, so that all are used. */
function accessOf(
  owner: number,
  mine: readonly Credential[],
  count: number,
  servers: readonly Server[],
  random: Random
): Principal['access'] {
  const access: { server: Server; credential: Credential }[] = []
  for (let n = 0; n < count; n++) {
    const credential = mine[n % mine.length] ?? random.pick(mine)
    const free = servers.filter(server => access.every(one => one.server !== server))
    const home = free.find(server => server.name === HOME[credential.format])
    const first = n === 0 ? servers[owner % servers.length] : undefined
    access.push({ server: home ?? first ?? random.pick(free), credential })
  }
  return access
}

/** The fleet of a seed. Person and automation number i is at 10.20.0.i and 10.30.0.i. */
export function createFleet(random: Random): Fleet {
  const servers = serversOf()
  const names = [
    ...NAMES.split(' ').map(name => ({ name: `${name}@example.com`, isPerson: true })),
    ...AUTOMATIONS.map(name => ({ name, isPerson: false }))
  ]
  const credentials: Credential[] = []
  const owned = names.map((): Credential[] => [])
  for (let i = 0; i < CREDENTIALS; i++) {
    const owner = i % names.length
    const credential = createCredential(i, names[owner]?.name ?? '', random.fork(`credential/${i}`))
    credentials.push(credential)
    owned[owner]?.push(credential)
  }
  const principals = names.map(({ name, isPerson }, i): Principal => {
    const own = random.fork(`principal/${i}`)
    return {
      name,
      isPerson,
      team: isPerson ? own.pick(TEAMS) : 'platform',
      address: `10.${isPerson ? 20 : 30}.0.${i + 10}`,
      client: clientOf(isPerson, own),
      access: accessOf(i, owned[i] ?? [], isPerson ? own.between(2, 4) : 4, servers, own)
    }
  })
  return {
    servers,
    people: principals.filter(one => one.isPerson),
    automations: principals.filter(one => !one.isPerson),
    credentials
  }
}
