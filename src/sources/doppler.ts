/**
 * Doppler: webhooks of a project (docs.doppler.com/docs/webhooks), and documents of its activity log sent to
 * the same hook. `X-Doppler-Signature: sha256=<lower-case hex HMAC-SHA256 of the raw body>`. A webhook holds
 * names of secrets, never values, no actor, no id and no time, so a repetition is told by the body alone.
 */
import { z } from 'zod'
import { type Common, type EntityManagement, type Extra, entityManagement } from '../core/build.ts'
import { KeywatchError } from '../core/errors.ts'
import type { Actor, OcsfEvent } from '../core/event.ts'
import type { CleanRecord } from '../core/ports.ts'
import {
  type Decoded,
  defineSource,
  header,
  type IntakeRequest,
  type NormaliseMeta,
  type Source,
  type SourceContext
} from '../core/source.ts'
import { deeperThan, isObject, parseJson } from '../decode/json.ts'
import { parseTime } from '../decode/log-time.ts'
import { signedBy } from '../lib/signature.ts'
import { duration, secretTexts } from '../lib/units.ts'

const Options = z.strictObject({
  secret: secretTexts()
    .optional()
    .describe('The signing secret set in Doppler, or several while it is changed. Only on loopback without.'),
  environment: z.string().min(1).optional().describe('Overrides the environment that Doppler names.'),
  window: duration()
    .default(15 * 60_000)
    .describe('An equal body within this time is a repetition. Doppler sends no id and no time.')
})
type Options = z.output<typeof Options>

const DEPTH_MAX = 64
const PREFIX = 'sha256='
const NO_SECRET = 'A secret is needed unless Keywatch listens on loopback only.'

type Json = Readonly<Record<string, unknown>>
const NONE: Json = {}
const member = (value: Json, name: string): Json => {
  const found = value[name]
  return isObject(found) ? found : NONE
}
/** A text that says something, or a number as text. */
function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}
const names = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter(name => typeof name === 'string' && name !== '') : []

function decode({ body }: IntakeRequest): Decoded {
  const raw = body.toString('utf8')
  if (raw.trim() === '') throw new KeywatchError('KW_BODY_UNPARSEABLE', 'The body is empty.')
  const bad = (reason: string) => ({ records: [], bad: [{ index: 0, reason, bytes: body }] })
  if (deeperThan(raw, DEPTH_MAX)) return bad('The JSON nests deeper than the limit.')
  const data = parseJson(raw)
  if (data === undefined) return bad('The body is not valid JSON.')
  return { records: [{ kind: 'json', raw, data }], bad: [] }
}

/** What is common to all events of one delivery. */
interface Delivery {
  readonly type: string | undefined
  readonly diff: Json
  /** `project/config`, as far as it is known. */
  readonly path: string | undefined
  readonly slug: string | undefined
  readonly actor: Actor | undefined
  readonly common: Common
  readonly own: Extra
}

function actorOf(user: Json): Actor | undefined {
  const name = text(user['username']) ?? text(user['email']) ?? text(user['name'])
  return name === undefined ? undefined : { user: { name } }
}

function read(record: CleanRecord, meta: NormaliseMeta, options: Options): Delivery {
  const data = isObject(record.data) ? record.data : NONE
  const metadata = member(data, 'metadata')
  const [config, project, workplace] = [
    member(data, 'config'),
    member(data, 'project'),
    member(data, 'workplace')
  ]
  const projectName =
    text(project['name']) ?? text(metadata['projectName']) ?? text(project['id']) ?? text(config['project'])
  const configName = text(config['name']) ?? text(metadata['configName'])
  const environment = options.environment ?? text(config['environment'])
  const own: Extra = {}
  if (environment !== undefined) own.environment = environment
  if (projectName !== undefined) own.project = projectName
  // Scalars without a better place.
  const vendor = { workplace: text(workplace['name']) ?? text(workplace['id']), config: configName }
  for (const [key, value] of Object.entries(vendor)) if (value !== undefined) (own.vendor ??= {})[key] = value
  const time = parseTime(data['createdAt']) ?? meta.receivedAt
  return {
    type: text(data['type']),
    diff: isObject(data['diff']) ? data['diff'] : member(metadata, 'diff'),
    path: [projectName, configName].filter(part => part !== undefined).join('/') || undefined,
    slug: text(data['slug']),
    actor: actorOf(member(data, 'user')),
    common: { time, raw: record.raw, status: 'success' },
    own
  }
}

/** `config.secrets.update`, and with `enclave.project.` before it, as older webhooks and the activity log say. */
const SECRETS_TYPE = /^(?:enclave\.project\.)?config\.secrets\.update$/
const KINDS = [
  ['added', 'create', 'created'],
  ['updated', 'update', 'updated'],
  ['removed', 'delete', 'deleted']
] as const

function changed(
  delivery: Delivery,
  activity: EntityManagement['activity'],
  done: (typeof KINDS)[number][2],
  list: readonly string[]
): OcsfEvent {
  const { path, own, common, slug, actor } = delivery
  const [name] = list
  const single = list.length === 1 ? name : undefined
  const place = path ?? 'an unnamed config'
  return entityManagement({
    ...common,
    ...(slug !== undefined && { id: slug }),
    activity,
    actor,
    entity: {
      name: single ?? place,
      ...(path !== undefined && { uid: single === undefined ? path : `${path}/${single}` }),
      type: 'Secret',
      type_id: 99
    },
    message:
      single === undefined
        ? `${list.length || 'some'} secrets ${done} in ${place}`
        : `${single} ${done} in ${place}`,
    keywatch: {
      ...own,
      action: `secret.${done}`,
      secret: {
        manager: 'doppler',
        ...(path !== undefined && { path }),
        ...(single !== undefined && { name: single }),
        ...(list.length > 1 && { names: [...list] })
      }
    }
  })
}

/** A type as part of an action: lower case, and only what names are made of. */
const cleaned = (type: string) =>
  type
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '_')
    .slice(0, 64)

function other(delivery: Delivery): OcsfEvent {
  const { path, own, common, slug, actor, type } = delivery
  const action = `doppler.${type === undefined ? 'custom' : cleaned(type)}`
  return entityManagement({
    ...common,
    ...(slug !== undefined && { id: slug }),
    activity: 'other',
    activityName: action,
    actor,
    entity: { name: path ?? 'doppler', type: 'Configuration', type_id: 99 },
    message: path === undefined ? action : `${action} in ${path}`,
    keywatch: { ...own, action }
  })
}

function normalise(record: CleanRecord, meta: NormaliseMeta, options: Options): OcsfEvent[] {
  const delivery = read(record, meta, options)
  if (delivery.type === undefined || !SECRETS_TYPE.test(delivery.type)) return [other(delivery)]
  const events: OcsfEvent[] = []
  for (const [key, activity, done] of KINDS) {
    const list = names(delivery.diff[key])
    if (list.length > 0) events.push(changed(delivery, activity, done, list))
  }
  // Older webhooks have no diff: something changed, and nobody says what.
  return events.length > 0 ? events : [changed(delivery, 'update', 'updated', [])]
}

function open(options: Options, context: SourceContext): Source {
  const { secret } = options
  if (secret === undefined && !context.loopback) throw new KeywatchError('KW_CONFIG_INVALID', NO_SECRET)
  return {
    route: 'hooks',
    dedupe: { by: 'body', windowMs: options.window },
    ...(secret && {
      authenticate: (request: IntakeRequest) => {
        const given = header(request, 'x-doppler-signature')
        const hex = given?.startsWith(PREFIX) ? given.slice(PREFIX.length) : undefined
        return signedBy(secret, request.body, hex)
          ? undefined
          : { status: 401, code: 'KW_AUTH_SIGNATURE', reason: 'The signature is missing, doubled or wrong.' }
      }
    }),
    decode,
    normalise: (record, meta) => normalise(record, meta, options)
  }
}

export default defineSource({
  name: 'doppler',
  summary: 'Receives Doppler webhooks: secrets created, updated and deleted, by name.',
  options: Options,
  open,
  check: (options, { loopback }) =>
    options.secret === undefined && !loopback ? [{ path: ['secret'], message: NO_SECRET }] : []
})
