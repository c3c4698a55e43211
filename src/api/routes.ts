/** Every path of the listeners: the intake paths, and the API's routes from the files that own them. */

import { consoleRoutes } from './console.ts'
import { credentialRoutes } from './credentials.ts'
import type { ApiDeps, ApiRoute } from './deps.ts'
import { eventRoutes } from './events.ts'
import type { IntakePath } from './intake.ts'
import { operationRoutes } from './operations.ts'
import { tailRoutes } from './tail.ts'

/** An intake path as the router knows it, and what it means to the spine. */
export interface IntakeRoute {
  readonly path: string
  readonly to: (id: string) => IntakePath
}

const otlp = (path: string): IntakeRoute => ({
  path: `/${path}`,
  to: () => ({ route: 'otlp', id: '', path })
})

export const OTLP_ROUTES: readonly IntakeRoute[] = [otlp('v1/logs'), otlp('v1/traces'), otlp('v1/metrics')]

export const INTAKE_ROUTES: readonly IntakeRoute[] = [
  { path: '/hooks/:id', to: id => ({ route: 'hooks', id, path: '' }) },
  { path: '/ingest/:id', to: id => ({ route: 'ingest', id, path: '' }) },
  ...OTLP_ROUTES
]

/** All routes of the query API. `closing` ends the streams. */
export async function apiRoutes(deps: ApiDeps, closing: AbortSignal): Promise<ApiRoute[]> {
  return [
    ...eventRoutes(deps),
    ...credentialRoutes(deps),
    ...tailRoutes(deps, closing),
    ...operationRoutes(deps),
    ...(await consoleRoutes())
  ]
}
