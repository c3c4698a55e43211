/** The HTTP side of Keywatch: the main listener, and a second one for OTLP alone with the same handlers. */
import { KeywatchError, reasonOf } from '../core/errors.ts'
import type { Address } from '../core/settings.ts'
import { createAuth } from './auth.ts'
import type { ApiDeps } from './deps.ts'
import { createIntakeHandler } from './intake.ts'
import { createListener, type Listener, type ListenerOptions } from './listener.ts'
import { healthRoute } from './operations.ts'
import { apiRoutes, INTAKE_ROUTES, OTLP_ROUTES } from './routes.ts'

export interface Api {
  /**
   * Opens the listeners and resolves to their URLs (a port 0 is filled in). Rejects with KW_CONFIG_INVALID
   * if an address cannot be bound; then nothing listens.
   */
  listen(addresses: { http: Address; otlp?: Address | undefined }): Promise<{ http: string; otlp?: string }>
  /** Ends the tails, serves what is under way for at most `graceMs` (default 10 s), then cuts. */
  close(graceMs?: number): Promise<void>
  /** Refused authentications since the start, for /api/v1/status. */
  authFailures(): number
  /** Every method and path of the main listener. */
  readonly routes: Listener['registered']
}

const GRACE_MS = 10_000

async function bind(listener: Listener, address: Address, option: string): Promise<string> {
  try {
    return await listener.listen(address)
  } catch (cause) {
    throw new KeywatchError('KW_CONFIG_INVALID', `listen.${option} cannot be bound: ${reasonOf(cause)}`, {
      cause
    })
  }
}

export async function createApi(deps: ApiDeps): Promise<Api> {
  const closing = new AbortController()
  const auth = createAuth(deps)
  const intake = createIntakeHandler(deps, auth)
  const common = { intake, auth, limits: deps.limits, log: deps.log }
  const build = (routes: ListenerOptions['routes'], intakeRoutes: ListenerOptions['intakeRoutes']) =>
    createListener({ ...common, routes, intakeRoutes })
  const main = await build(await apiRoutes(deps, closing.signal), INTAKE_ROUTES)
  const otlp = await build([healthRoute], OTLP_ROUTES)
  const listeners = [main, otlp]

  const close = async (graceMs = GRACE_MS) => {
    closing.abort()
    const done = new AbortController()
    const closed = Promise.all(listeners.map(listener => listener.close())).then(() => done.abort())
    await deps.clock.sleep(graceMs, done.signal)
    for (const listener of listeners) listener.cut()
    await closed
  }

  return {
    async listen(addresses) {
      try {
        const http = await bind(main, addresses.http, 'http')
        return addresses.otlp === undefined
          ? { http }
          : { http, otlp: await bind(otlp, addresses.otlp, 'otlp') }
      } catch (error) {
        await close(0)
        throw error
      }
    },
    close,
    authFailures: auth.failures,
    routes: main.registered
  }
}
