/**
 * What a context provider is: fields that need only the event and the configuration. They are computed
 * before the append, so that every sink gets them and a replay reads them instead of guessing again.
 */
import type { z } from 'zod'
import type { OcsfEvent } from './event.ts'

export interface Context {
  /** Adds its fields to `event.unmapped.keywatch`. Pure otherwise; must not throw. */
  apply(event: OcsfEvent): void
}

export interface ContextDefinition<T extends z.ZodType = z.ZodType> {
  readonly kind: 'context'
  /** Also the key of its options at the top of keywatch.yml. */
  readonly name: string
  readonly summary: string
  readonly options: T
  readonly open: (options: z.output<T>) => Context
}

export const defineContext = <T extends z.ZodType>(definition: Omit<ContextDefinition<T>, 'kind'>) =>
  ({ kind: 'context', ...definition }) as const
