/**
 * Which options every sink has because deliver/ offers them: size of a batch, where to begin, when to give up.
 * A sink spreads `deliveryOptions` into its strict schema; the service hands `readDelivery` to the deliverer.
 */
import { z } from 'zod'
import { duration, size } from './units.ts'

export const deliveryOptions = {
  batch: z
    .strictObject({
      events: z.int().min(1).optional().describe('Events per request at most.'),
      bytes: size().optional().describe('Bytes per request at most, before compression.'),
      age: duration()
        .optional()
        .describe('How long the first event of a batch may wait for others. Default 1s.')
    })
    .optional()
    .describe('Limits of one request. Values above those of the sink have no effect.'),
  from: z
    .enum(['beginning', 'now'])
    .default('beginning')
    .describe('Where a sink that was never run begins: with the oldest event kept, or with the next one.'),
  expireAfter: duration()
    .default(7 * 86_400_000)
    .describe('How long an event is retried before it becomes a dead letter with status `expired`.')
}

const Delivery = z.object(deliveryOptions)

export interface Delivery {
  readonly batch: { readonly events?: number; readonly bytes?: number; readonly ageMs?: number }
  readonly from: 'beginning' | 'now'
  readonly expireAfterMs: number
}

/** The delivery options out of a sink's validated options; defaults where the sink has none of them. */
export function readDelivery(options: unknown): Delivery {
  const { batch, from, expireAfter } = Delivery.parse(options ?? {})
  return {
    batch: {
      ...(batch?.events !== undefined && { events: batch.events }),
      ...(batch?.bytes !== undefined && { bytes: batch.bytes }),
      ...(batch?.age !== undefined && { ageMs: batch.age })
    },
    from,
    expireAfterMs: expireAfter
  }
}
