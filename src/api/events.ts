/** The query parameters of events and findings, and the lists and single entries that they answer with. */
import { CLASS_UIDS, type ClassName, classNameOf } from '../core/event.ts'
import { LEVELS } from '../core/finding.ts'
import type { EventQuery, FindingQuery, JournalName } from '../core/store.ts'
import { ApiError, invalidQuery, notFound, ok } from './answers.ts'
import { decodeCursor } from './cursor.ts'
import type { ApiDeps, ApiRoute, Call } from './deps.ts'
import type { EventFilter } from './match.ts'
import { freshen, listPage, searchPage } from './pages.ts'
import { Params } from './params.ts'

export const FILTER_NAMES = [
  'class',
  'actor',
  'server',
  'ip',
  'credential',
  'source',
  'action',
  'secret',
  'status'
] as const
export const EVENT_PARAMS = ['from', 'to', ...FILTER_NAMES, 'text', 'limit', 'cursor'] as const
export const FINDING_PARAMS = ['from', 'to', 'rule', 'level', 'limit', 'cursor'] as const
const CREDENTIALS_MAX = 50
const PAGE_DEFAULT = 100
/** The store answers with 10,000 rows at most; a page needs one more than it shows. */
const PAGE_MAX = 5000
const CLASS_NAMES = Object.keys(CLASS_UIDS).join(', ')

/** `kwfp1.<key id>.<22 characters>`: see core/credential.ts. */
export const FINGERPRINT = /^kwfp1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{22}$/

function classOf(text: string | undefined): ClassName | undefined {
  if (text === undefined) return undefined
  const name = /^\d{1,6}$/.test(text) ? classNameOf(Number(text)) : text
  if (name === 'unknown' || !Object.hasOwn(CLASS_UIDS, name))
    throw invalidQuery(`class must be a class uid or one of: ${CLASS_NAMES}.`)
  // hasOwn has just proved it.
  return name as ClassName
}

function fingerprintsOf(params: Params): readonly string[] {
  const found = params.all('credential')
  if (found.length > CREDENTIALS_MAX)
    throw invalidQuery(`credential may be given ${CREDENTIALS_MAX} times at most.`)
  for (const one of found) {
    if (!FINGERPRINT.test(one))
      throw invalidQuery(
        'credential must be a fingerprint (kwfp1.…). To ask about a secret itself use POST /api/v1/credentials/lookup: a URL is no place for it.'
      )
  }
  return found
}

/** The filters that the list and the tail share. */
export function filterOf(params: Params): EventFilter {
  const filter: { -readonly [K in keyof EventFilter]: EventFilter[K] } = {}
  const className = classOf(params.text('class'))
  const ip = params.ip('ip')
  const statusCode = params.integer('status', 0, 999)
  const credentials = fingerprintsOf(params)
  if (className !== undefined) filter.class = className
  if (ip !== undefined) filter.ip = ip
  if (statusCode !== undefined) filter.statusCode = statusCode
  if (credentials.length > 0) filter.credentials = credentials
  for (const name of ['actor', 'server', 'source', 'action', 'secret'] as const) {
    const value = params.text(name)
    if (value !== undefined) filter[name] = value
  }
  return filter
}

function rangeOf(params: Params, now: number): { from?: number; to?: number } {
  const from = params.time('from', now)
  const to = params.time('to', now)
  if (from !== undefined && to !== undefined && from > to)
    throw invalidQuery('from must not be later than to.')
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

function pageOf(params: Params, name: JournalName, limits: ApiDeps['limits']) {
  const most = Math.min(limits.page, PAGE_MAX)
  const limit = params.integer('limit', 1, most) ?? Math.min(PAGE_DEFAULT, most)
  const cursor = params.text('cursor')
  return { limit, before: cursor === undefined ? undefined : decodeCursor(name, cursor) }
}

async function events(deps: ApiDeps, call: Call) {
  const params = new Params(call.query, EVENT_PARAMS, ['credential'])
  const filter = { ...rangeOf(params, deps.clock.now()), ...filterOf(params) }
  const { limit, before } = pageOf(params, 'events', deps.limits)
  const text = params.text('text')
  const find = (rows: number, key: EventQuery['before']) =>
    deps.store.events({ ...filter, limit: rows, ...(key === undefined ? {} : { before: key }) })
  await freshen(deps, 'events')
  if (text === undefined) return ok(await listPage(deps, 'events', limit, rows => find(rows, before)))
  const gone = () => call.response.destroyed
  return ok(await searchPage(deps, { text: text.toLowerCase(), limit, before, find, gone }))
}

async function findings(deps: ApiDeps, call: Call) {
  const params = new Params(call.query, FINDING_PARAMS)
  const rule = params.text('rule')
  const level = params.choice('level', LEVELS)
  const { limit, before } = pageOf(params, 'findings', deps.limits)
  const query: Omit<FindingQuery, 'limit'> = {
    ...rangeOf(params, deps.clock.now()),
    ...(rule === undefined ? {} : { rule }),
    ...(level === undefined ? {} : { level }),
    ...(before === undefined ? {} : { before })
  }
  await freshen(deps, 'findings')
  return ok(await listPage(deps, 'findings', limit, rows => deps.store.findings({ ...query, limit: rows })))
}

const ID = /^[A-Za-z0-9._:-]{1,200}$/

async function one(deps: ApiDeps, name: JournalName, call: Call) {
  new Params(call.query, [])
  const uid = call.params['id'] ?? ''
  const what = name === 'events' ? 'event' : 'finding'
  const query = { uid, limit: 1 }
  if (ID.test(uid)) await freshen(deps, name)
  const hits = ID.test(uid)
    ? await (name === 'events' ? deps.store.events(query) : deps.store.findings(query))
    : []
  if (hits.length === 0) throw notFound(`There is no ${what} with this id.`)
  const { items } = await listPage(deps, name, 1, async () => hits)
  const found = items[0]
  if (found === undefined || 'error' in found)
    throw new ApiError(404, 'KW_JOURNAL_DAMAGED', `The ${what} is indexed, but the journal cannot read it.`)
  return ok(found)
}

export const eventRoutes = (deps: ApiDeps): ApiRoute[] => [
  { method: 'GET', path: '/api/v1/events', scope: 'read', handle: call => events(deps, call) },
  { method: 'GET', path: '/api/v1/events/:id', scope: 'read', handle: call => one(deps, 'events', call) },
  { method: 'GET', path: '/api/v1/findings', scope: 'read', handle: call => findings(deps, call) },
  { method: 'GET', path: '/api/v1/findings/:id', scope: 'read', handle: call => one(deps, 'findings', call) }
]
