/**
 * How a list becomes a page: the index gives pointers newest first, the journal gives the events, and the
 * last row's key is the next cursor. Bounded in rows, in bytes, and, for a text search, in work.
 */
import type { OcsfEvent } from '../core/event.ts'
import type { Hit, JournalName } from '../core/store.ts'
import { logReason } from './answers.ts'
import { encodeCursor, type PageKey } from './cursor.ts'
import type { ApiDeps } from './deps.ts'
import { containsText } from './match.ts'

/** Stands for an entry that the index knows and the journal cannot read: the row is shown, not hidden. */
export interface UnreadableItem {
  readonly error: { readonly code: 'KW_JOURNAL_DAMAGED'; readonly message: string }
  readonly sequence: number
  readonly time: number
}

export interface Page {
  readonly items: readonly (OcsfEvent | UnreadableItem)[]
  readonly next: string | null
}

export interface SearchPage extends Page {
  /** Events looked at for this page. An empty page with a `next` means: go on. */
  readonly scanned: number
  /** Of these, how many the journal could not read. */
  readonly unreadable: number
}

/** Journal bytes of one answer, and of one fetch. A page is cut there, with a cursor to go on. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024
const FETCH_BYTES_MAX = 4 * 1024 * 1024
/** Work of one text search request: about a second of one core. */
const SCAN_EVENTS_MAX = 50_000
const SCAN_BYTES_MAX = 64 * 1024 * 1024
const SCAN_CHUNK = 500

const FRESH_STEP_MS = 25
const FRESH_STEPS = 20
/** Further behind than this the index will not catch up within the wait. */
const FRESH_LAG_MAX = 20_000

/**
 * Read-your-writes: waits, half a second at most, until the index has what the journal had when the request
 * came, then makes it visible.
 */
export async function freshen(deps: ApiDeps, name: JournalName): Promise<void> {
  const journal = deps.journals[name]
  const goal = journal.size()
  for (let step = 0; ; step++) {
    try {
      await deps.store.flush()
    } catch (error) {
      deps.log.error(logReason(error), 'The index is behind and cannot be written')
      return
    }
    const behind = journal.lag(deps.store.cursor(name))
    if (journal.size() - behind >= goal || behind > FRESH_LAG_MAX || step === FRESH_STEPS) return
    await deps.clock.sleep(FRESH_STEP_MS)
  }
}

/** The events at these hits, in order. What cannot be read is undefined, also if the journal fails whole. */
async function read(deps: ApiDeps, name: JournalName, hits: readonly Hit[]) {
  try {
    return await deps.journals[name].fetch(hits.map(hit => hit.pointer))
  } catch (error) {
    deps.log.error({ journal: name, ...logReason(error) }, 'Entries could not be fetched from the journal')
    return hits.map(() => undefined)
  }
}

/** The first hits whose entries fit into `max` bytes; one at least. */
function within(hits: readonly Hit[], max: number): readonly Hit[] {
  let bytes = 0
  for (const [index, hit] of hits.entries()) {
    bytes += hit.pointer.length
    if (bytes > max && index > 0) return hits.slice(0, index)
  }
  return hits
}

const keyOf = ({ time, sequence }: Hit): PageKey => ({ time, sequence })

/** One page of what `find` finds; `find` is asked for one row more than fits, to know whether there is a next page. */
export async function listPage(
  deps: ApiDeps,
  name: JournalName,
  limit: number,
  find: (limit: number) => Promise<Hit[]>
): Promise<Page> {
  const hits = await find(limit + 1)
  const kept = within(hits.slice(0, limit), PAGE_BYTES_MAX)
  const events = await read(deps, name, kept)
  const items = kept.map(
    (hit, index): OcsfEvent | UnreadableItem =>
      events[index] ?? {
        error: { code: 'KW_JOURNAL_DAMAGED', message: 'The journal cannot read this entry.' },
        ...keyOf(hit)
      }
  )
  const last = kept.at(-1)
  return {
    items,
    next: last !== undefined && hits.length > kept.length ? encodeCursor(name, keyOf(last)) : null
  }
}

export interface Search {
  /** Lower-case. */
  readonly text: string
  readonly limit: number
  readonly before: PageKey | undefined
  readonly find: (limit: number, before: PageKey | undefined) => Promise<Hit[]>
  /** True once nobody waits for the answer any more. */
  readonly gone: () => boolean
}

/** One page of the events that hold a text: newest first over the index hits, until the page or the work is full. */
export async function searchPage(deps: ApiDeps, search: Search): Promise<SearchPage> {
  const items: OcsfEvent[] = []
  let before = search.before
  let scanned = 0
  let unreadable = 0
  let bytes = 0
  let hits: readonly Hit[] = []
  let more = true
  const page = (): SearchPage => ({
    items,
    next: before !== undefined && (more || hits.length > 0) ? encodeCursor('events', before) : null,
    scanned,
    unreadable
  })
  while (
    items.length < search.limit &&
    scanned < SCAN_EVENTS_MAX &&
    bytes < SCAN_BYTES_MAX &&
    !search.gone()
  ) {
    if (hits.length === 0) {
      hits = more ? await search.find(SCAN_CHUNK, before) : []
      more = hits.length === SCAN_CHUNK
      if (hits.length === 0) break
    }
    const slice = within(hits, FETCH_BYTES_MAX)
    const events = await read(deps, 'events', slice)
    let used = 0
    for (const [index, hit] of slice.entries()) {
      if (items.length === search.limit) break
      const event = events[index]
      if (event === undefined) unreadable++
      else if (containsText(event, search.text)) items.push(event)
      before = keyOf(hit)
      bytes += hit.pointer.length
      used++
    }
    scanned += used
    hits = hits.slice(used)
  }
  return page()
}
