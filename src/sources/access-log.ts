/**
 * Access logs of proxies and gateways: sent to `/ingest/<id>` as lines, NDJSON, a JSON array or one object,
 * or tailed from a file. nginx `combined` and `main`, nginx JSON (`escape=json`) and JSON of any gateway
 * whose field names `decode/access-fields.ts` knows. Lines with an MCP method become API Activity (6003),
 * all others HTTP Activity (4002).
 */
import { z } from 'zod'
import { KeywatchError, reasonOf } from '../core/errors.ts'
import {
  type Dedupe,
  defineSource,
  type PullContext,
  type Source,
  type SourceContext
} from '../core/source.ts'
import { accessEvent } from '../decode/access-event.ts'
import { AccessFields } from '../decode/access-fields.ts'
import { ACCESS_FORMATS, decodeBody, decodeLines, PIECE_REASON } from '../decode/access-lines.ts'
import { Tail, type TailBatch } from '../lib/tail.ts'
import { realTailFiles } from '../lib/tail-files.ts'
import { duration, size } from '../lib/units.ts'

const Options = z.strictObject({
  format: z
    .enum(ACCESS_FORMATS)
    .default('auto')
    .describe('`auto` takes a line that starts with `{` or `[` as JSON and any other as combined.'),
  path: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(64)])
    .optional()
    .describe('A file to follow, or several. Survives rotation, truncation and restarts. No patterns.'),
  from: z
    .enum(['beginning', 'end'])
    .default('beginning')
    .describe('Where a followed file is taken up that Keywatch has never seen and that exists at the start.'),
  poll: duration().default(250).describe('How often a followed file is looked at.'),
  grace: duration()
    .default(2000)
    .describe('How long a rotated file is still watched, since its writer may not have reopened yet.'),
  batch: z
    .strictObject({
      lines: z.number().int().min(1).max(100_000).default(1000),
      bytes: size().default(1024 ** 2)
    })
    .prefault({})
    .describe('At most this much of a followed file is taken at once.'),
  limits: z
    .strictObject({
      record: size()
        .default(64 * 1024)
        .describe('Bytes of one record or line.'),
      recordsPerBody: z.number().int().min(1).default(10_000),
      depth: z.number().int().min(1).max(500).default(64).describe('Nesting of JSON.')
    })
    .prefault({})
    .describe('A record over a limit goes to quarantine, by length and hash only.'),
  dedupe: z
    .enum(['unacknowledged', 'body', 'off'])
    .default('unacknowledged')
    .describe(
      '`unacknowledged`: a body is a repetition only if the earlier answer never reached its sender. `body`: equal bodies within `window`.'
    ),
  window: duration().default(86_400_000).describe('For `dedupe: body`.')
})
type Options = z.output<typeof Options>

/** A feed that is refused (disk full, too busy) is tried again, ever more slowly up to this. */
const RETRY_MS_MAX = 30_000

function dedupeOf(options: Options): Dedupe | undefined {
  if (options.dedupe === 'off') return undefined
  return options.dedupe === 'body' ? { by: 'body', windowMs: options.window } : { by: 'unacknowledged' }
}

function tailOf(path: string, options: Options, context: SourceContext, pull: PullContext): Tail {
  const key = `tail:${path}`
  // A line that fits the record limit must fit a batch.
  const bytesMax = Math.max(options.batch.bytes, options.limits.record + 1)
  const limits = { ...options.limits, recordsPerBody: Number.POSITIVE_INFINITY }
  const decodedOf = ({ kind, bytes }: TailBatch) =>
    kind === 'lines'
      ? decodeLines(bytes.toString('utf8'), options.format, limits)
      : { records: [], bad: [{ index: 0, reason: PIECE_REASON, bytes }] }
  return new Tail({
    path,
    files: realTailFiles,
    clock: context.clock,
    saved: pull.mark(key),
    feed: async (batch, value) => {
      await pull.feed(decodedOf(batch), { key, value })
    },
    from: options.from,
    linesMax: options.batch.lines,
    bytesMax,
    graceMs: options.grace
  })
}

/** Follows one file until the signal aborts. Trouble is logged once per kind, and waited out. */
async function follow(
  path: string,
  options: Options,
  context: SourceContext,
  pull: PullContext
): Promise<void> {
  const tail = tailOf(path, options, context, pull)
  let failures = 0
  let said = ''
  try {
    while (!pull.signal.aborted) {
      try {
        const more = await tail.step()
        failures = 0
        said = ''
        if (!more) await context.clock.sleep(options.poll, pull.signal)
      } catch (error) {
        const reason = error instanceof KeywatchError ? error.code : reasonOf(error)
        if (reason !== said) context.log.warn({ source: context.id, reason }, 'a followed file has to wait')
        said = reason
        await context.clock.sleep(
          Math.min(RETRY_MS_MAX, options.poll * 2 ** Math.min(failures++, 16)),
          pull.signal
        )
      }
    }
  } finally {
    await tail.close()
  }
}

function open(options: Options, context: SourceContext): Source {
  const fields = new AccessFields()
  const dedupe = dedupeOf(options)
  const { path } = options
  const paths = path === undefined ? [] : [...new Set(typeof path === 'string' ? [path] : path)]
  return {
    route: 'ingest',
    ...(dedupe && { dedupe }),
    decode: ({ body }) => decodeBody(body, options.format, options.limits),
    normalise: (record, meta) => accessEvent(record, meta, fields),
    ...(paths.length > 0 && {
      pull: async (pull: PullContext) => {
        await Promise.all(paths.map(one => follow(one, options, context, pull)))
      }
    })
  }
}

export default defineSource({
  name: 'access-log',
  summary: 'Takes access logs of proxies and MCP gateways, sent as lines or JSON or followed in a file.',
  options: Options,
  open
})
