/**
 * Which detectors are meant for an event? "Sigma Rules Specification 2.1", section Log Source.
 *
 * An event declares: product `keywatch` and the type of its source, which is also its service; category `proxy`
 * and `webserver` for HTTP activity and for every other event that tells an HTTP response (a proxy's line about an
 * MCP call is API activity); category and service `mcp` where MCP was seen; category `secret_manager` and the manager as product
 * where a secret is concerned. A detector is tried if the event satisfies every field of its `logsource`.
 */
import { CLASS_UIDS, type OcsfEvent } from '../core/event.ts'
import { Flaw, type MapTree, textOf } from './yaml-tree.ts'

export interface Logsource {
  readonly category?: string
  readonly product?: string
  readonly service?: string
}

/** Reads `logsource`; lower case. Other keys (`definition`) are for people. Throws Flaw if nothing is named. */
export function parseLogsource(map: MapTree): Logsource {
  const [category, product, service] = ['category', 'product', 'service'].map(key =>
    textOf(map, key)?.toLowerCase()
  )
  if (category === undefined && product === undefined && service === undefined) {
    throw new Flaw(map.at, 'logsource needs a category, a product or a service')
  }
  return {
    ...(category === undefined ? {} : { category }),
    ...(product === undefined ? {} : { product }),
    ...(service === undefined ? {} : { service })
  }
}

/** True for the log sources whose fields have W3C names in Sigma's taxonomy. */
export const isWeb = (logsource: Logsource): boolean =>
  logsource.category === 'proxy' || logsource.category === 'webserver'

/** What an event declares, as far as routing needs to know. */
interface Declared {
  readonly http: boolean
  readonly mcp: boolean
  readonly manager: string | undefined
  readonly sourceType: string
}

function satisfies({ http, mcp, manager, sourceType }: Declared, wanted: Logsource): boolean {
  const { category, product, service } = wanted
  if (product !== undefined && product !== 'keywatch' && product !== manager && product !== sourceType)
    return false
  if (service !== undefined && service !== sourceType && !(mcp && service === 'mcp')) return false
  if (category === undefined) return true
  if (category === 'proxy' || category === 'webserver') return http
  if (category === 'mcp') return mcp
  return category === 'secret_manager' && manager !== undefined
}

/** Routes remembered per source type and per manager: both come from a small vocabulary, but are not trusted to. */
const ROUTES_MAX = 512

/** Picks the detectors of an event; the answer is remembered, so that routing costs two look-ups. */
export class Router<T extends { readonly logsource: Logsource }> {
  readonly #all: readonly T[]
  readonly #routes = new Map<string, Map<string, (readonly T[] | undefined)[]>>()
  #size = 0

  constructor(all: readonly T[]) {
    this.#all = all
  }

  /** The detectors to try, in the order given. */
  route(event: OcsfEvent): readonly T[] {
    const own = event.unmapped.keywatch
    const http = event.class_uid === CLASS_UIDS.http_activity || event.http_response !== undefined
    const mcp = own.mcp !== undefined
    const manager = own.secret?.manager
    let byManager = this.#routes.get(own.source_type)
    if (byManager === undefined) {
      byManager = new Map()
      this.#routes.set(own.source_type, byManager)
    }
    let byShape = byManager.get(manager ?? '')
    if (byShape === undefined) byShape = this.#remember(own.source_type, manager ?? '')
    const shape = (http ? 1 : 0) + (mcp ? 2 : 0)
    let found = byShape[shape]
    if (found === undefined) {
      const declared: Declared = {
        http,
        mcp,
        manager: manager?.toLowerCase(),
        sourceType: own.source_type.toLowerCase()
      }
      found = this.#all.filter(detector => satisfies(declared, detector.logsource))
      byShape[shape] = found
    }
    return found
  }

  #remember(sourceType: string, manager: string): (readonly T[] | undefined)[] {
    if (this.#size++ >= ROUTES_MAX) {
      this.#routes.clear()
      this.#size = 1
    }
    const byManager = this.#routes.get(sourceType) ?? new Map<string, (readonly T[] | undefined)[]>()
    const shapes: (readonly T[] | undefined)[] = [undefined, undefined, undefined, undefined]
    byManager.set(manager, shapes)
    this.#routes.set(sourceType, byManager)
    return shapes
  }
}
