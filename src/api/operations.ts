/** Whether Keywatch lives, is ready, and how it does: health, status, metrics, and the API's own document. */
import { METRICS_CONTENT_TYPE } from '../lib/metrics.ts'
import { type Answer, ok } from './answers.ts'
import type { ApiDeps, ApiRoute, Call } from './deps.ts'
import { openapiDocument } from './openapi.ts'
import { Params } from './params.ts'

const alive: Answer = { status: 200, json: { status: 'ok' } }
const notReady: Answer = { status: 503, headers: { 'retry-after': '5' }, json: { status: 'not ready' } }

/** The only path besides OTLP that the OTLP listener has. */
export const healthRoute: ApiRoute = {
  method: 'GET',
  path: '/healthz',
  scope: 'open',
  handle: async () => alive
}

export function operationRoutes(deps: ApiDeps): ApiRoute[] {
  const document = JSON.stringify(openapiDocument)
  const plain = (call: Call) => new Params(call.query, [])
  return [
    healthRoute,
    {
      method: 'GET',
      path: '/readyz',
      scope: 'open',
      handle: async () => (deps.ready() ? { status: 200, json: { status: 'ready' } } : notReady)
    },
    {
      method: 'GET',
      path: '/metrics',
      scope: 'read',
      handle: async () => ({
        status: 200,
        headers: { 'content-type': METRICS_CONTENT_TYPE },
        text: await deps.metricsText()
      })
    },
    {
      method: 'GET',
      path: '/openapi.json',
      scope: 'open',
      handle: async () => ({
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        text: document
      })
    },
    {
      method: 'GET',
      path: '/api/v1/status',
      scope: 'read',
      handle: async call => {
        plain(call)
        return ok(await deps.status())
      }
    }
  ]
}
